#pragma once

#include <rushlight/indexing.h>
