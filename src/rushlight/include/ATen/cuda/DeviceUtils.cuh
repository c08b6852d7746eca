#pragma once

#include <rushlight/cuda_warps.h>
