#pragma once

#include <rushlight/cuda_generator.h>
