// SPDX-License-Identifier: GPL-2.0-only
/* DINT-KV with slots for values of up to 64 bytes. */
#define DINT_SLOT 64
#include "compare/dint_kv.h"
