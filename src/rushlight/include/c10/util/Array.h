#pragma once

#include <rushlight/torch.h>
