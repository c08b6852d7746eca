#pragma once

#include <rushlight/tensor.h>
