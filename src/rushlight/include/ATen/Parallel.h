#pragma once

#include <rushlight/parallel.h>
