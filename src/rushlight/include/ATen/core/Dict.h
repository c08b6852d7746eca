#pragma once

#include <rushlight/lists.h>
