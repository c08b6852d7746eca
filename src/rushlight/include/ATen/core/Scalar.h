#pragma once

#include <rushlight/scalar.h>
