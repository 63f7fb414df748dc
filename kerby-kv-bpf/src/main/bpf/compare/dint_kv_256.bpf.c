// SPDX-License-Identifier: GPL-2.0-only
/* DINT-KV with slots for values of up to 256 bytes. */
#define DINT_SLOT 256
#include "compare/dint_kv.h"
