#include "model/corpus/machines.h"

#include <string.h>

static const char *const machine_code[] = {
#define X(symbol, code) code,
    MW_MACHINE_MAP(X)
#undef X
};

static const char *const role_code[] = {
#define X(symbol, code) code,
    MW_ROLE_MAP(X)
#undef X
};

static const char *const fault_code[] = {
#define X(symbol, code, kind) code,
    MW_FAULT_MAP(X)
#undef X
};

static const enum mw_fault_kind fault_kind[] = {
#define X(symbol, code, kind) MW_KIND_##kind,
    MW_FAULT_MAP(X)
#undef X
};

static const char *const proof_code[] = {
#define X(symbol, code) code,
    MW_PROOF_MAP(X)
#undef X
};

static int find(const char *const *codes, int n, const char *code)
{
	for (int i = 0; i < n; i++)
		if (strcmp(codes[i], code) == 0)
			return i;
	return -1;
}

const char *mw_machine_code(enum mw_machine machine)
{
	return machine_code[machine < MW_N_MACHINE ? machine : MW_MACHINE_OTHER];
}

const char *mw_role_code(enum mw_role role)
{
	return role_code[role < MW_N_ROLE ? role : MW_ROLE_OTHER];
}

const char *mw_fault_code(enum mw_fault fault)
{
	return fault_code[fault < MW_N_FAULT ? fault : MW_FAULT_UNKNOWN];
}

const char *mw_proof_code(enum mw_proof proof)
{
	return proof_code[proof < MW_N_PROOF ? proof : MW_PROOF_NONE];
}

enum mw_fault_kind mw_fault_kind_of(enum mw_fault fault)
{
	return fault_kind[fault < MW_N_FAULT ? fault : MW_FAULT_UNKNOWN];
}

int mw_machine_from_code(const char *code)
{
	return find(machine_code, MW_N_MACHINE, code);
}

int mw_role_from_code(const char *code)
{
	return find(role_code, MW_N_ROLE, code);
}

int mw_fault_from_code(const char *code)
{
	return find(fault_code, MW_N_FAULT, code);
}
