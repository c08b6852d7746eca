#pragma once

#include <rushlight/array_ref.h>
