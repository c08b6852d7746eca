#pragma once

#include <rushlight/scalar_type.h>
