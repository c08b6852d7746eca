#pragma once

#include <rushlight/dispatch.h>
