#pragma once

#include <rushlight/tensor_args.h>
