/* devices.c - `crisol devices`: what there is, and what would be chosen. */
#include <cjson/cJSON.h>

#include "cli.h"

enum { MAX_DEVICES = 64 };

static const char *yes(bool b)
{
    return b ? "yes" : "no";
}

static void print_device(const cr_device_info *d)
{
    char a[CLI_SIZE_TEXT], b[CLI_SIZE_TEXT], c[CLI_SIZE_TEXT];
    printf("%s%u  %s\n", d->chosen ? "* " : "  ", d->index, d->name);
    printf("     platform         %s\n", d->platform);
    printf("     vendor, driver   %s, %s\n", d->vendor, d->driver);
    printf("     type, version    %s, %s\n", d->type, d->version);
    printf("     memory           %s; largest allocation %s%s\n",
           cli_bytes((double)d->global_bytes, a), cli_bytes((double)d->max_alloc_bytes, b),
           d->unified ? "; shared with the host" : "");
    printf("     local memory     %s, %s\n", cli_bytes((double)d->local_bytes, c),
           d->local_is_fast ? "of its own" : "a part of global memory");
    printf("     compute units    %u; work-groups up to %u; buffers aligned to %llu bytes\n",
           d->compute_units, d->max_group, (unsigned long long)d->align_bytes);
    printf("     vector width     %u f32", d->vector_width);
    if (d->sub_group)
        printf("; %u work-items in lock step", d->sub_group);
    printf("\n     extensions       sub-groups %s, half %s, command buffers %s, exact divide %s\n",
           yes(d->sub_groups), yes(d->half), yes(d->command_buffers), yes(d->correct_divide));
    if (d->launch_us > 0)
        printf("     launch           %.1f us queued, %.1f us when waited for\n", d->launch_us,
               d->finish_us);
    printf("     %-16s %s\n", d->chosen ? "chosen" : "not chosen", d->reason);
}

static cJSON *json_device(const cr_device_info *d)
{
    cJSON *j = cJSON_CreateObject();
    const struct {
        const char *name, *text;
    } texts[] = {
        {"platform", d->platform}, {"name", d->name}, {"vendor", d->vendor}, {"driver", d->driver},
        {"version", d->version},   {"type", d->type}, {"reason", d->reason},
    };
    const struct {
        const char *name;
        double number;
    } numbers[] = {
        {"index", d->index},
        {"compute_units", d->compute_units},
        {"global_bytes", (double)d->global_bytes},
        {"max_alloc_bytes", (double)d->max_alloc_bytes},
        {"local_bytes", (double)d->local_bytes},
        {"align_bytes", (double)d->align_bytes},
        {"max_group", d->max_group},
        {"vector_width", d->vector_width},
        {"sub_group", d->sub_group},
        {"launch_us", d->launch_us},
        {"finish_us", d->finish_us},
    };
    const struct {
        const char *name;
        bool flag;
    } flags[] = {
        {"chosen", d->chosen},
        {"local_is_fast", d->local_is_fast},
        {"half", d->half},
        {"sub_groups", d->sub_groups},
        {"unified", d->unified},
        {"command_buffers", d->command_buffers},
        {"correct_divide", d->correct_divide},
    };
    for (size_t i = 0; i < CLI_COUNTOF(texts); i++)
        cJSON_AddStringToObject(j, texts[i].name, texts[i].text);
    for (size_t i = 0; i < CLI_COUNTOF(numbers); i++)
        cJSON_AddNumberToObject(j, numbers[i].name, numbers[i].number);
    for (size_t i = 0; i < CLI_COUNTOF(flags); i++)
        cJSON_AddBoolToObject(j, flags[i].name, flags[i].flag);
    return j;
}

static int print_target(const char *device)
{
    char *text = cr_device_target(device);
    if (!text)
        return cli_library_failed();
    int status = cli_write(NULL, text, strlen(text));
    cr_string_free(text);
    return status;
}

static int print_all(const char *device, bool measure, bool json)
{
    static cr_device_info list[MAX_DEVICES];
    uint32_t n;
    if (cr_devices(device, measure, list, MAX_DEVICES, &n) != CR_OK)
        return cli_library_failed();
    n = n < MAX_DEVICES ? n : MAX_DEVICES;
    cJSON *all = json ? cJSON_CreateArray() : NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (json)
            cJSON_AddItemToArray(all, json_device(&list[i]));
        else
            print_device(&list[i]);
    }
    return json ? cli_print_json(all) : CLI_OK;
}

int cli_devices(int argc, char **argv)
{
    const char *device = NULL;
    bool json = false, target = false, quick = false;
    cli_options o = {
        .about = "Lists every device of every OpenCL platform, with what was probed; * marks the "
                 "one that\n"
                 "would be chosen.",
    };
    cli_add(&o, "--device", CLI_TEXT, &device, "D",
            "choose among them: gpu, cpu, an index, or a part of a name");
    cli_add(&o, "--target", CLI_FLAG, &target, NULL,
            "print the chosen device as a target file, for crisol opt --target");
    cli_add(&o, "--quick", CLI_FLAG, &quick, NULL, "do not measure the cost of a launch");
    cli_add(&o, "--json", CLI_FLAG, &json, NULL, "print JSON");
    int status = cli_parse(&o, argc, argv);
    if (status != CLI_GO)
        return status;
    if (target && json)
        return cli_fail("--target and --json: which of the two?");
    return target ? print_target(device) : print_all(device, !quick, json);
}
