/* The lists of models, and what hangs them on pins: see inner/models.h. */
#include <stdlib.h>

#include "klipkit/sim/inner/driver.h"
#include "klipkit/sim/inner/world.h"

void *models_add(struct list *list, size_t size)
{
    void **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items)
        return NULL;
    list->items = items;
    void *model = calloc(1, size);
    if (model)
        items[list->count++] = model;
    return model;
}

void *models_at(const struct list *list, int number)
{
    return number >= 0 && (size_t)number < list->count ? list->items[number] : NULL;
}

int models_last(const struct list *list)
{
    return (int)list->count - 1;
}

static void free_list(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct list){0};
}

void models_free(struct models *models)
{
    for (size_t i = 0; i < models->sensors.count; i++)
        heat_free(models->sensors.items[i]);
    free_list(&models->carriages);
    free_list(&models->rails);
    free_list(&models->contacts);
    free_list(&models->heats);
    free_list(&models->sensors);
    free_list(&models->fans);
    free_list(&models->drives);
    for (size_t i = 0; i < models->chains.count; i++)
        driver_spi_free(models->chains.items[i]);
    free_list(&models->chains);
    free_list(&models->drivers);
}

void models_follow(struct pin *pin, struct follower *follower)
{
    struct follower **last = &pin->followers;
    while (*last)
        last = &(*last)->next;
    *last = follower;
}

static double share_of(const struct drive *drive)
{
    double share = pins_share(drive->mcu, drive->pin);
    if (share < 0.0)
        return 0.0;
    return drive->inverted ? 1.0 - share : share;
}

static void see(struct follower *self, const struct pin *pin)
{
    struct drive *drive = (struct drive *)self;
    (void)pin;
    double share = share_of(drive);
    if (share == drive->share)
        return;
    drive->changed(drive);
    drive->share = share;
    if (drive->after)
        drive->after(drive);
}

struct drive *models_drive(struct cosim *cosim, int mcu, uint32_t pin, int inverted)
{
    struct mcu *on = pins_owner(cosim, mcu, pin);
    struct drive *drive = on ? models_add(&cosim->models.drives, sizeof *drive) : NULL;
    if (!drive)
        return NULL;
    *drive = (struct drive){.follower = {.see = see}, .mcu = on, .pin = pin, .inverted = inverted != 0};
    drive->share = share_of(drive);
    models_follow(&on->pins[pin], &drive->follower);
    return drive;
}
