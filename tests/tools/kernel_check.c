/* kernel_check.c - does a kernel touch the memory that the plan says, and no other?
 *
 *     clang -target spir64 -x cl ... -O1 -Xclang -disable-llvm-passes -fno-discard-value-names
 *           -emit-llvm -c FILE.cl -o FILE.bc
 *     kernel_check FILE.cl...        (kernel_check --clang: the clang whose bitcode it reads)
 *
 * The head comment of a phase is the plan's word:
 *
 *     in  %2    state     f32[784,10]    store+0
 *     out %6    add       f32[64,10]     arena+2560
 *
 * and the function below it is the compiler's. In the function's LLVM IR each load and store, plain
 * or through vloadN and vstoreN, is followed back to an argument of the function and a constant
 * offset: what it reads must lie in an `in`, what it writes in an `out`, and no place may be left
 * over. The kernels must hand each memory to the phase's argument of the same name; they themselves
 * touch only `meeting` and `work`, which are for resident groups, the states when copying them, and
 * what tells the next rows (codegen/launch.c, ahead.c). Local and private memory are nobody's
 * business. Exit status 1: something disagrees, all is said. */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/BitReader.h>
#include <llvm-c/Core.h>
#include <llvm-c/Target.h>
#include <llvm-c/Transforms/PassBuilder.h>

enum { NAME = 256, GLOBAL = 1, GENERIC = 4, SPIR_KERNEL = 76 };

struct place {
    bool out, seen;
    unsigned value; /* the node's number */
    char memory[24];
    uint64_t offset, bytes;
};

struct phase {
    char name[NAME];
    struct place *place;
    unsigned nplace;
    bool called;
};

/* The function whose code is looked at, and the call that led there; NULL: the phase itself. */
struct frame {
    LLVMValueRef call;
    const struct frame *up;
};

/* One load or store. */
struct access {
    bool out;
    uint64_t bytes;
};

static struct {
    const char *file;
    LLVMTargetDataRef layout;
    struct phase *list; /* all phases of the file */
    unsigned count;
    struct phase *phase; /* the one that is looked at; NULL: a kernel */
    const char *helper;  /* the function that a kernel calls; NULL: itself */
    unsigned errors, files, phases, loads, stores;
} now;

static void complain(const char *fmt, ...)
{
    va_list ap;
    printf("%s: %s: ", now.file, now.phase ? now.phase->name : "a kernel");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    now.errors++;
}

static void give_up(const char *what, const char *why)
{
    fprintf(stderr, "kernel_check: %s: %s\n", what, why);
    exit(2);
}

/* ---- the plan's word ------------------------------------------------------------------------- */

/* Bytes of "f32[64,10]". */
static uint64_t type_bytes(const char *type)
{
    uint64_t bytes = type[0] == 'f' || type[0] == 'i' ? 4 : 1;
    const char *p = strchr(type, '[');
    while (p && isdigit((unsigned char)p[1])) {
        char *end;
        bytes *= strtoull(p + 1, &end, 10);
        p = end;
    }
    return bytes;
}

static void read_place(struct phase *p, const char *line)
{
    struct place place = {0};
    char word[4], type[128];
    unsigned long long offset;
    if (sscanf(line, " * %3s %%%u %*s %127s %23[^+]+%llu", word, &place.value, type, place.memory,
               &offset) != 5)
        return;
    place.out = strcmp(word, "out") == 0;
    place.offset = offset;
    place.bytes = type_bytes(type);
    p->place = realloc(p->place, (p->nplace + 1) * sizeof place);
    if (!p->place)
        give_up(now.file, "out of memory");
    p->place[p->nplace++] = place;
}

static bool is_phase_name(const char *name)
{
    return name[0] == 'p' && isdigit((unsigned char)name[1]);
}

/* All phases of a source text: a head comment and, below it, the function. */
static unsigned read_plan(char *text, struct phase **phases)
{
    unsigned n = 0;
    struct phase *list = NULL;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (strstr(line, " bytes read, ")) {
            list = realloc(list, (n + 1) * sizeof *list);
            if (!list)
                give_up(now.file, "out of memory");
            list[n++] = (struct phase){0};
        }
        if (!n || list[n - 1].name[0])
            continue;
        if (strncmp(line, " *   in ", 8) == 0 || strncmp(line, " *   out ", 9) == 0)
            read_place(&list[n - 1], line);
        if (strncmp(line, "static void p", 13) == 0)
            sscanf(line, "static void %255[^(]", list[n - 1].name);
    }
    *phases = list;
    return n;
}

/* ---- the compiler's word --------------------------------------------------------------------- */

/* Of the generic address space (OpenCL C 3.0) it shows later where it points. */
static bool is_global(LLVMValueRef v)
{
    LLVMTypeRef t = LLVMTypeOf(v);
    if (LLVMGetTypeKind(t) != LLVMPointerTypeKind)
        return false;
    unsigned space = LLVMGetPointerAddressSpace(t);
    return space == GLOBAL || space == GENERIC;
}

static const char *name_of(LLVMValueRef v)
{
    size_t n;
    const char *name = LLVMGetValueName2(v, &n);
    return n ? name : "(no name)";
}

static unsigned number_of(LLVMValueRef argument)
{
    unsigned i = 0;
    for (LLVMValueRef a = LLVMGetFirstParam(LLVMGetParamParent(argument)); a != argument;
         a = LLVMGetNextParam(a))
        i++;
    return i;
}

/* A load may end behind its value: idle lanes of a ragged row's last vector read what is there, for
 * which the runtime leaves room behind each memory. A store may not. */
static void record(const char *memory, int64_t offset, const struct access *a)
{
    bool known = false;
    if (!now.phase) {
        bool copies = now.helper && strncmp(now.helper, "move_", 5) == 0;
        if (now.helper && strcmp(now.helper, "ahead") == 0 && !a->out)
            return;
        if (strcmp(memory, "meeting") != 0 && strcmp(memory, "work") != 0 &&
            !(copies && strcmp(memory, "store") == 0))
            complain("%s at %s+%lld outside of a phase", a->out ? "stores" : "loads", memory,
                     (long long)offset);
        return;
    }
    for (unsigned i = 0; i < now.phase->nplace; i++) {
        struct place *p = &now.phase->place[i];
        int64_t at = offset - (int64_t)p->offset;
        uint64_t last = (uint64_t)at + (a->out ? a->bytes : 1);
        if (p->out == a->out && strcmp(p->memory, memory) == 0 && at >= 0 && last <= p->bytes)
            known = p->seen = true;
    }
    if (!known)
        complain("%s %llu bytes at %s+%lld, which the plan does not", a->out ? "stores" : "loads",
                 (unsigned long long)a->bytes, memory, (long long)offset);
}

/* The constant part of an index into an array: the plan's offset is one of its own, and what
 * depends on the work-item counts as 0. */
static int64_t step_of(LLVMValueRef gep)
{
    LLVMValueRef index = LLVMGetOperand(gep, 1);
    if (LLVMGetNumOperands(gep) != 2) {
        complain("an address is computed in a way that this tool does not follow");
        return 0;
    }
    if (!LLVMIsAConstantInt(index))
        return 0;
    return LLVMConstIntGetSExtValue(index) *
           (int64_t)LLVMABISizeOfType(now.layout, LLVMGetGEPSourceElementType(gep));
}

/* Follows an address back to arguments of the phase. `depth` bounds chains through phis, which in
 * these kernels no loop carries. */
static void trace(LLVMValueRef v, int64_t offset, const struct frame *f, const struct access *a,
                  unsigned depth)
{
    if (depth > 64) {
        complain("an address goes around a loop");
    } else if (LLVMIsAArgument(v)) {
        if (f->call)
            trace(LLVMGetOperand(f->call, number_of(v)), offset, f->up, a, depth + 1);
        else
            record(name_of(v), offset, a);
    } else if (LLVMIsAGetElementPtrInst(v)) {
        trace(LLVMGetOperand(v, 0), offset + step_of(v), f, a, depth + 1);
    } else if (LLVMIsAAddrSpaceCastInst(v) && !is_global(LLVMGetOperand(v, 0))) {
        return;
    } else if (LLVMIsABitCastInst(v) || LLVMIsAAddrSpaceCastInst(v)) {
        trace(LLVMGetOperand(v, 0), offset, f, a, depth + 1);
    } else if (LLVMIsASelectInst(v)) {
        trace(LLVMGetOperand(v, 1), offset, f, a, depth + 1);
        trace(LLVMGetOperand(v, 2), offset, f, a, depth + 1);
    } else if (LLVMIsAPHINode(v)) {
        for (unsigned i = 0; i < LLVMCountIncoming(v); i++)
            trace(LLVMGetIncomingValue(v, i), offset, f, a, depth + 1);
    } else {
        complain("an address in global memory comes from nowhere");
    }
}

static void touch(LLVMValueRef address, LLVMTypeRef type, bool out, int64_t offset,
                  const struct frame *f)
{
    if (!is_global(address))
        return;
    struct access a = {out, LLVMStoreSizeOfType(now.layout, type)};
    *(out ? &now.stores : &now.loads) += 1;
    trace(address, offset, f, &a, 0);
}

static void walk(LLVMValueRef function, const struct frame *f);

/* vloadN(offset, address), vstoreN(data, offset, address), atomic_...(address...); names are
 * mangled. */
static bool builtin_access(LLVMValueRef call, const char *name, const struct frame *f)
{
    unsigned length, at = 0;
    if (sscanf(name, "_Z%u%n", &length, &at) != 1)
        return false;
    bool out = strncmp(name + at, "vstore", 6) == 0;
    if (strncmp(name + at, "atomic_", 7) == 0) {
        touch(LLVMGetOperand(call, 0), LLVMTypeOf(call), false, 0, f);
        touch(LLVMGetOperand(call, 0), LLVMTypeOf(call), true, 0, f);
        return true;
    }
    if (!out && strncmp(name + at, "vload", 5) != 0)
        return false;
    LLVMTypeRef type = out ? LLVMTypeOf(LLVMGetOperand(call, 0)) : LLVMTypeOf(call);
    LLVMValueRef index = LLVMGetOperand(call, out), address = LLVMGetOperand(call, out + 1u);
    int64_t step = (int64_t)LLVMStoreSizeOfType(now.layout, type);
    touch(address, type, out,
          LLVMIsAConstantInt(index) ? LLVMConstIntGetSExtValue(index) * step : 0, f);
    return true;
}

static bool takes_global(LLVMValueRef call)
{
    for (unsigned i = 0; i < LLVMGetNumArgOperands(call); i++)
        if (is_global(LLVMGetOperand(call, i)))
            return true;
    return false;
}

/* A kernel's call of a phase. */
static void check_call(LLVMValueRef call, LLVMValueRef callee)
{
    const char *name = name_of(callee);
    for (unsigned i = 0; i < now.count; i++)
        if (strcmp(now.list[i].name, name) == 0)
            now.list[i].called = true;
    for (unsigned i = 0; i < LLVMGetNumArgOperands(call); i++) {
        LLVMValueRef v = LLVMGetOperand(call, i), parameter = LLVMGetParam(callee, i);
        if (is_global(v) && (!LLVMIsAArgument(v) || strcmp(name_of(v), name_of(parameter)) != 0))
            complain("%s gets another memory for %s", name, name_of(parameter));
    }
}

static void follow(LLVMValueRef call, const struct frame *f)
{
    LLVMValueRef callee = LLVMGetCalledValue(call);
    if (!LLVMIsAFunction(callee)) {
        complain("calls what is not a function");
    } else if (!takes_global(call) || builtin_access(call, name_of(callee), f)) {
        return;
    } else if (strncmp(name_of(callee), "llvm.prefetch.", 14) == 0) {
        return; /* no access */
    } else if (!now.phase && is_phase_name(name_of(callee))) {
        check_call(call, callee);
    } else if (LLVMIsDeclaration(callee)) {
        complain("hands global memory to %s, which is not known", name_of(callee));
    } else {
        now.helper = name_of(callee);
        walk(callee, &(struct frame){call, f});
        now.helper = NULL;
    }
}

static void visit(LLVMValueRef i, const struct frame *f)
{
    switch (LLVMGetInstructionOpcode(i)) {
    case LLVMLoad: touch(LLVMGetOperand(i, 0), LLVMTypeOf(i), false, 0, f); break;
    case LLVMStore:
        if (is_global(LLVMGetOperand(i, 0)))
            complain("keeps an address in memory");
        touch(LLVMGetOperand(i, 1), LLVMTypeOf(LLVMGetOperand(i, 0)), true, 0, f);
        break;
    case LLVMCall: follow(i, f); break;
    case LLVMGetElementPtr:
    case LLVMBitCast:
    case LLVMAddrSpaceCast:
    case LLVMPHI:
    case LLVMSelect: break;
    default:
        for (int k = 0; k < LLVMGetNumOperands(i); k++)
            if (is_global(LLVMGetOperand(i, (unsigned)k)))
                complain("an address in global memory goes where this tool does not follow");
        break;
    }
}

static void walk(LLVMValueRef function, const struct frame *f)
{
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
            visit(i, f);
}

/* ---- one file -------------------------------------------------------------------------------- */

static void check_phase(LLVMModuleRef m, struct phase *p)
{
    LLVMValueRef function = LLVMGetNamedFunction(m, p->name);
    now.phase = p;
    now.phases++;
    if (!function || LLVMIsDeclaration(function)) {
        complain("is not among the functions");
        return;
    }
    walk(function, &(struct frame){0});
    for (unsigned i = 0; i < p->nplace; i++) {
        const struct place *at = &p->place[i];
        if (!at->seen)
            complain("the plan %s %%%u at %s+%llu, but nothing in the function does",
                     at->out ? "stores" : "loads", at->value, at->memory,
                     (unsigned long long)at->offset);
    }
}

static void check_kernels(LLVMModuleRef m)
{
    now.phase = NULL;
    for (LLVMValueRef k = LLVMGetFirstFunction(m); k; k = LLVMGetNextFunction(k))
        if (LLVMGetFunctionCallConv(k) == SPIR_KERNEL)
            walk(k, &(struct frame){0});
    for (unsigned i = 0; i < now.count; i++)
        if (!now.list[i].called)
            complain("no kernel calls %s", now.list[i].name);
}

static LLVMMemoryBufferRef contents(const char *path)
{
    LLVMMemoryBufferRef b;
    char *why;
    if (LLVMCreateMemoryBufferWithContentsOfFile(path, &b, &why))
        give_up(path, why);
    return b;
}

/* Locals in registers, so that an address is seen through the variable that holds it. */
static LLVMModuleRef load_bitcode(const char *source)
{
    char path[4096];
    LLVMModuleRef m;
    snprintf(path, sizeof path, "%.*s.bc", (int)strlen(source) - 3, source);
    LLVMMemoryBufferRef b = contents(path);
    if (LLVMParseBitcode2(b, &m))
        give_up(path, "not this LLVM's bitcode");
    LLVMDisposeMemoryBuffer(b);
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(m, "mem2reg", NULL, options);
    if (error)
        give_up(path, LLVMGetErrorMessage(error));
    LLVMDisposePassBuilderOptions(options);
    return m;
}

static void check_file(const char *path)
{
    now.file = path;
    now.phase = NULL;
    now.files++;
    LLVMMemoryBufferRef b = contents(path); /* a zero follows the last byte */
    char *text = strdup(LLVMGetBufferStart(b));
    LLVMDisposeMemoryBuffer(b);
    if (!text)
        give_up(path, "out of memory");
    now.count = read_plan(text, &now.list);
    LLVMModuleRef m = load_bitcode(path);
    now.layout = LLVMGetModuleDataLayout(m);
    for (unsigned i = 0; i < now.count; i++)
        check_phase(m, &now.list[i]);
    check_kernels(m);
    LLVMDisposeModule(m);
    for (unsigned i = 0; i < now.count; i++)
        free(now.list[i].place);
    free(now.list);
    free(text);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--clang") == 0) {
        puts(CLANG);
        return 0;
    }
    for (int i = 1; i < argc; i++)
        check_file(argv[i]);
    printf("%u files, %u phases, %u loads, %u stores, %u errors\n", now.files, now.phases,
           now.loads, now.stores, now.errors);
    return now.errors != 0;
}
