/* scim_date.c - xsd:dateTime as SCIM writes it, read into something that can be compared. */
#include "document/scim_date.h"

/* Takes exactly `count` digits off the front. */
static bool take_digits(struct span *rest, size_t count, int *number)
{
    *number = 0;
    for (size_t i = 0; i < count; i++) {
        int byte = span_at(*rest, i);
        if (byte < '0' || byte > '9') {
            return false;
        }
        *number = *number * 10 + (byte - '0');
    }
    *rest = span_from(*rest, count);
    return true;
}

static bool take(struct span *rest, char byte)
{
    bool there = span_at(*rest, 0) == (unsigned char)byte;
    *rest = span_from(*rest, there);
    return there;
}

/* Days since 1970 of the Gregorian calendar; years begin in March, so that the leap day is the last. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400, of_era = y % 400;
    int64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int month_days(int year, int month)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return DAYS[month - 1] + (month == 2 && leap);
}

static bool take_day(struct span *rest, int64_t *days)
{
    int year, month, day;
    if (!take_digits(rest, 4, &year) || !take(rest, '-') || !take_digits(rest, 2, &month) ||
        !take(rest, '-') || !take_digits(rest, 2, &day) || year < 1 || month < 1 || month > 12 ||
        day < 1 || day > month_days(year, month)) {
        return false;
    }
    *days = days_of(year, month, day);
    return true;
}

/* Second 60 is a leap second. */
static bool take_clock(struct span *rest, int *seconds)
{
    int hour, minute, second;
    if (!take_digits(rest, 2, &hour) || !take(rest, ':') || !take_digits(rest, 2, &minute) ||
        !take(rest, ':') || !take_digits(rest, 2, &second) || hour > 23 || minute > 59 ||
        second > 60) {
        return false;
    }
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

static bool take_fraction(struct span *rest, int32_t *nanoseconds)
{
    int digit, count = 0;
    *nanoseconds = 0;
    if (!take(rest, '.')) {
        return true;
    }
    for (; take_digits(rest, 1, &digit); count++) {
        *nanoseconds = count < 9 ? *nanoseconds * 10 + digit : *nanoseconds;
    }
    for (int i = count; i < 9; i++) {
        *nanoseconds *= 10;
    }
    return count > 0;
}

static bool take_offset(struct span *rest, int *seconds)
{
    int hour, minute;
    *seconds = 0;
    if (span_empty(*rest) || take(rest, 'Z') || take(rest, 'z')) {
        return true;
    }
    int sign = take(rest, '-') ? -1 : 1;
    if (sign > 0 && !take(rest, '+')) {
        return false;
    }
    if (!take_digits(rest, 2, &hour) || !take(rest, ':') || !take_digits(rest, 2, &minute) ||
        hour > 14 || minute > 59) {
        return false;
    }
    *seconds = sign * (hour * 3600 + minute * 60);
    return true;
}

bool scim_date_read(struct span text, struct scim_date *date)
{
    struct span rest = text;
    int64_t days;
    int clock, offset;
    *date = (struct scim_date){0};
    if (!take_day(&rest, &days) || !(take(&rest, 'T') || take(&rest, 't')) ||
        !take_clock(&rest, &clock) || !take_fraction(&rest, &date->nanoseconds) ||
        !take_offset(&rest, &offset) || !span_empty(rest)) {
        return false;
    }
    date->seconds = days * 86400 + clock - offset;
    return true;
}

int scim_date_compare(struct scim_date a, struct scim_date b)
{
    if (a.seconds != b.seconds) {
        return a.seconds < b.seconds ? -1 : 1;
    }
    return (a.nanoseconds > b.nanoseconds) - (a.nanoseconds < b.nanoseconds);
}
