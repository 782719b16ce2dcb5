/* What is in a chip's flash: read from an ELF or Intel HEX file, written as Intel HEX with the place where a reset begins.
 *
 * In a HEX file without that place a reset begins at the first byte (a boot loader alone, and the BOOTRST fuse).
 * Format: Intel, Hexadecimal Object File Format Specification, Revision A.
 */
#include <simavr/sim_elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chip.h"

enum { DATA, END, SEGMENT, START_SEGMENT, UPPER, START, ROW = 32, LINE_MOST = 600, SEGMENT_BITS = 4, UPPER_BITS = 16 };

struct reader {
    avr_t *avr;
    uint32_t upper, first, start;
    bool has_start;
};

static bool keep(struct reader *reader, uint32_t address, const uint8_t *bytes, size_t count)
{
    if (address > reader->avr->flashend || count > reader->avr->flashend + 1 - address)
        return false;
    memcpy(reader->avr->flash + address, bytes, count);
    if (address < reader->first)
        reader->first = address;
    return true;
}

/* A record without its colon: count, address, kind, data, sum. */
static bool take(struct reader *reader, const uint8_t *record, size_t size)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + record[i]);
    if (size < 5 || size != record[0] + 5u || sum)
        return false;
    const uint8_t *data = record + 4;
    uint32_t low = (uint32_t)(record[1] << 8 | record[2]);
    switch (record[3]) {
    case DATA:
        return keep(reader, reader->upper + low, data, record[0]);
    case SEGMENT:
    case UPPER:
        reader->upper = (uint32_t)(data[0] << 8 | data[1]) << (record[3] == UPPER ? UPPER_BITS : SEGMENT_BITS);
        return record[0] == 2;
    case START_SEGMENT:
    case START:
        reader->start = (uint32_t)(data[0] << 8 | data[1]) << (record[3] == START ? UPPER_BITS : SEGMENT_BITS);
        reader->start += (uint32_t)(data[2] << 8 | data[3]);
        reader->has_start = true;
        return record[0] == 4;
    default:
        return record[3] == END;
    }
}

static bool read_line(struct reader *reader, const char *line)
{
    uint8_t record[LINE_MOST / 2];
    size_t size = 0;
    unsigned byte;
    if (*line++ != ':')
        return line[-1] == '\n' || line[-1] == '\r';
    for (; sscanf(line, "%2x", &byte) == 1 && size < sizeof record; line += 2)
        record[size++] = (uint8_t)byte;
    return take(reader, record, size);
}

static bool read_hex(avr_t *avr, FILE *file)
{
    struct reader reader = {.avr = avr, .first = UINT32_MAX};
    char line[LINE_MOST];
    while (fgets(line, sizeof line, file))
        if (!read_line(&reader, line))
            return false;
    uint32_t start = reader.has_start ? reader.start : reader.first;
    avr->codeend = avr->flashend;
    avr->reset_pc = avr->pc = start;
    return start <= avr->flashend;
}

static bool read_elf(avr_t *avr, const char *name)
{
    elf_firmware_t firmware = {0};
    if (elf_read_firmware(name, &firmware))
        return false;
    avr_load_firmware(avr, &firmware);
    free(firmware.flash);
    free(firmware.eeprom);
    return true;
}

bool image_load(avr_t *avr, const char *name)
{
    FILE *file = fopen(name, "r");
    if (!file)
        return false;
    int first = fgetc(file);
    rewind(file);
    bool read = first == ':' ? read_hex(avr, file) : read_elf(avr, name);
    fclose(file);
    return read;
}

static void write_record(FILE *file, uint8_t kind, uint16_t address, const uint8_t *data, uint8_t count)
{
    uint8_t sum = (uint8_t)(count + (address >> 8) + address + kind);
    fprintf(file, ":%02X%04X%02X", count, address, kind);
    for (uint8_t i = 0; i < count; i++) {
        fprintf(file, "%02X", data[i]);
        sum = (uint8_t)(sum + data[i]);
    }
    fprintf(file, "%02X\n", (uint8_t)-sum);
}

static bool is_erased(const uint8_t *bytes)
{
    for (int i = 0; i < ROW; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

bool image_save(const avr_t *avr, const char *name)
{
    FILE *file = fopen(name, "w");
    if (!file)
        return false;
    for (uint32_t at = 0; at <= avr->flashend; at += ROW) {
        uint8_t upper[2] = {(uint8_t)(at >> 24), (uint8_t)(at >> 16)};
        if (!(at & 0xffff))
            write_record(file, UPPER, 0, upper, sizeof upper);
        if (!is_erased(avr->flash + at))
            write_record(file, DATA, (uint16_t)at, avr->flash + at, ROW);
    }
    uint32_t pc = avr->reset_pc;
    uint8_t start[4] = {(uint8_t)(pc >> 24), (uint8_t)(pc >> 16), (uint8_t)(pc >> 8), (uint8_t)pc};
    write_record(file, START, 0, start, sizeof start);
    write_record(file, END, 0, NULL, 0);
    return !ferror(file) & !fclose(file);
}
