#pragma once

#include <rushlight/cuda.h>
