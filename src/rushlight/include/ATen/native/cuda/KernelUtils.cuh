#pragma once

#include <rushlight/cuda_atomics.h>
