/* fit.c - samples of one's own, callbacks and early stopping.      fit [DEVICE]
 *
 * A net learns the surface z = sin(3 x) cos(3 y) from 2,000 points in memory: f32 samples and
 * targets, a fifth of them for validation. It is told epoch by epoch, stops when the validation
 * loss has not fallen for 20 epochs, and goes back to its best weights. Where the device shares the
 * host's memory, the points are used where they lie: they are aligned for that. */
#include <crisol/crisol.h>
#include <crisol/ops.h>
#include <math.h>
#include <stdlib.h>

enum { POINTS = 2000, EPOCHS = 1000, PAGE = 4096 };

static float surface(float x, float y)
{
    return sinf(3 * x) * cosf(3 * y);
}

/* Points in [-1, 1) x [-1, 1), of a sequence that fills the square evenly. */
static void fill(float (*point)[2], float *z)
{
    for (int i = 0; i < POINTS; i++) {
        point[i][0] = 2 * fmodf((float)i * 0.7548777f, 1) - 1;
        point[i][1] = 2 * fmodf((float)i * 0.5698403f, 1) - 1;
        z[i] = surface(point[i][0], point[i][1]);
    }
}

/* [n, 2] -> [n, 1] */
static cr_value model(cr_value x, void *user)
{
    (void)user;
    cr_value h = cr_dense(x, "h1", 32, CR_TANH);
    h = cr_dense(h, "h2", 32, CR_TANH);
    return cr_dense(h, "z", 1, CR_LINEAR);
}

static bool on_epoch(const cr_epoch *e, void *user)
{
    (void)user;
    if (e->epoch % 20 == 0)
        printf("epoch %3u: loss %.6f, validation %.6f\n", e->epoch, e->train_loss,
               e->validation_loss);
    return true; /* go on */
}

static void show(cr_trainer *t, const cr_fit *fit)
{
    static const float at[2][2] = {{0.5f, 0}, {-0.25f, 0.75f}};
    const char *why = cr_trainer_why_copied(t);
    float z[2];
    printf("samples: %s%s\n", why ? "copied: " : "used where they lie", why ? why : "");
    printf("%u epochs; the best was %u, with a validation loss of %.6f\n", fit->epochs,
           fit->best_epoch, fit->best);
    for (int i = 0; cr_trainer_predict(t, at, 2, z) == CR_OK && i < 2; i++)
        printf("z(%5.2f, %5.2f) = %6.3f, and %6.3f is right\n", (double)at[i][0], (double)at[i][1],
               (double)z[i], (double)surface(at[i][0], at[i][1]));
}

static int train(const cr_samples *samples, const char *device)
{
    const cr_train_options options = {
        .model = model,
        .loss = CR_LOSS_MSE,
        .optimizer = {.kind = CR_ADAM, .lr = 0.005f},
        .validation_split = 0.2f,
        .no_evaluation = true,
        .compile = {.device = device},
    };
    const cr_early_stopping stopping = {.patience = 20};
    const cr_fit_options how = {.on_epoch = on_epoch, .early_stopping = &stopping};
    cr_fit fit = {0};
    cr_trainer *t = cr_trainer_create_of(samples, &options);
    const bool ok = t && cr_trainer_fit(t, EPOCHS, &how, &fit) == CR_OK;
    if (ok)
        show(t, &fit);
    else
        fprintf(stderr, "fit: %s\n", cr_error());
    cr_trainer_destroy(t);
    return ok && fit.best < 0.01 ? 0 : 1;
}

/* Whole pages, and something free behind the data. */
static void *aligned(size_t bytes)
{
    return aligned_alloc(PAGE, (bytes + PAGE) / PAGE * PAGE);
}

int main(int argc, char **argv)
{
    float(*point)[2] = aligned(POINTS * sizeof *point), *z = aligned(POINTS * sizeof *z);
    int status = 1;
    if (point && z) {
        fill(point, z);
        const cr_samples samples = {
            .x_shape = CR_SHAPE(2), .y_shape = CR_SHAPE(1), .train = {point, z, POINTS}};
        status = train(&samples, argc > 1 ? argv[1] : NULL);
    }
    free(point);
    free(z);
    return status;
}
