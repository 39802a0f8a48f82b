//! Python's modules: dates and regular expressions.

use super::*;

#[test]
fn the_run_s_start_is_a_time() {
    assert_eq!(
        compiled(
            "{{ run_started_at }} {{ run_started_at.strftime('%Y-%m-%d %H:%M:%S.%f') }} {{ run_started_at.isoformat() }} {{ run_started_at.date() }}"
        ),
        "2026-01-02 03:04:05.678901+00:00 2026-01-02 03:04:05.678901 2026-01-02T03:04:05.678901+00:00 2026-01-02"
    );
    assert_eq!(
        compiled(
            "{{ run_started_at.astimezone(modules.pytz.timezone('Europe/Paris')) }} {{ modules.datetime.datetime.now(modules.pytz.utc).hour }}"
        ),
        "2026-01-02 04:04:05.678901+01:00 3"
    );
}

#[test]
fn dates_are_computed_with() {
    let template = "{% set dt = modules.datetime %}{% set d = dt.date(2026, 1, 31) %}{{ d + dt.timedelta(days=1) }} \
                    {{ dt.datetime(2026, 1, 1, 12) - dt.timedelta(hours=13) }} {{ (d - dt.date(2026, 1, 1)).days }} {{ d > dt.date(2025, 1, 1) }} \
                    {{ dt.timedelta(days=1, seconds=3661) }} {{ dt.timedelta(hours=1).total_seconds() }} {{ d.replace(day=1).weekday() }}";
    assert_eq!(compiled(template), "2026-02-01 2025-12-31 23:00:00 30 True 1 day, 1:01:01 3600.0 3");
}

#[test]
fn dates_are_read_and_listed() {
    let project = Project::new("{{ days('2026-02-27', '2026-03-01') }}").macros(
        "macros/days.sql",
        "{% macro days(first, last) %}{% set out = [] %}{% set start = modules.datetime.datetime.strptime(first, '%Y-%m-%d') %}\
         {% set end = modules.datetime.datetime.fromisoformat(last) %}\
         {% for n in range((end - start).days + 1) %}{% do out.append((start + modules.datetime.timedelta(days=n)).strftime('%d.%m.')) %}{% endfor %}\
         {{ return(out) }}{% endmacro %}",
    );
    assert_eq!(project.compile(), "['27.02.', '28.02.', '01.03.']");
}

#[test]
fn regular_expressions_work() {
    let template = "{% set re = modules.re %}{% set m = re.search('(\\d+)-(?P<b>\\w+)', 'x 12-ab') %}{{ m.group(1) }} {{ m.groups() }} \
                    {{ re.match('b', 'ab') }} {{ re.sub('(a)(b)', '\\\\2\\\\1', 'abab') }} {{ re.findall('\\d', 'a1b2') }} {{ re.split(', *', 'a, b') }}";
    assert_eq!(compiled(template), "12 ('12', 'ab') None baba ['1', '2'] ['a', 'b']");
}
