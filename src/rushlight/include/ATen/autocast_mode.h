#pragma once

#include <rushlight/autocast.h>
