// SPDX-License-Identifier: GPL-2.0-only
/* DINT-KV with slots for values of up to 1024 bytes. */
#define DINT_SLOT 1024
#include "compare/dint_kv.h"
