/* samples.c - checks samples in memory. */
#include "base.h"
#include "crisol/data.h"

static int64_t class_of(const cr_samples *s, const cr_part *part, uint32_t i)
{
    if (s->y_dtype == CR_I32)
        return ((const int32_t *)part->y)[i];
    return ((const uint8_t *)part->y)[i];
}

static cr_status check_part(const cr_samples *s, const char *which, const cr_part *part,
                            uint32_t classes)
{
    for (uint32_t i = 0; i < part->n; i++) {
        const int64_t y = class_of(s, part, i);
        if (y < 0)
            return cr_fail(CR_E_ARGUMENT, "label %lld of %s sample %u is negative", (long long)y,
                           which, i);
        if (y >= classes)
            return cr_fail(
                CR_E_ARGUMENT,
                "label %lld of %s sample %u is outside the %u classes: the net's last layer "
                "needs at least %lld units, or the labels are wrong%s",
                (long long)y, which, i, classes, (long long)y + 1,
                classes > 2 ? ""
                            : "; if they are no classes, but numbers of a regression, they must be "
                              "targets of f32 (of a CSV file: targets numbers)");
    }
    return CR_OK;
}

cr_status cr_samples_check_labels(const cr_samples *samples, uint32_t classes)
{
    if (samples->y_dtype == CR_F32)
        return CR_OK;
    CR_TRY(check_part(samples, "training", &samples->train, classes));
    CR_TRY(check_part(samples, "validation", &samples->validation, classes));
    return check_part(samples, "test", &samples->test, classes);
}
