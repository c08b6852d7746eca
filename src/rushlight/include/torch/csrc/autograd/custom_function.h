#pragma once

#include <rushlight/autograd.h>
