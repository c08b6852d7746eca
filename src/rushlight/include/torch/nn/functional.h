#pragma once

#include <rushlight/nn.h>
