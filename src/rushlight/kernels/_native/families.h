// The kernel tables of all families. Read several times with different meanings of RL_KERNEL, so no
// include guard here nor in a family's cpu.h.
#include "activation/cpu.h"
#include "gemm/cpu.h"
#include "conv/cpu.h"
#include "optim/cpu.h"
#include "pool/cpu.h"
#include "softmax/cpu.h"
#include "loss/cpu.h"
#include "embedding/cpu.h"
#include "norm/cpu.h"
#include "recurrent/cpu.h"
#include "attention/cpu.h"
#include "scatter/cpu.h"
