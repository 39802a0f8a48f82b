//! What of the language itself differs from plain `minijinja`.

use super::*;

#[test]
fn text_without_jinja_stays_as_it_is_but_for_its_last_newline() {
    assert_eq!(compiled("select 1 as id\n"), "select 1 as id");
    assert_eq!(compiled("select '{' || 1\n\n"), "select '{' || 1\n");
    assert_eq!(compiled("select {{ 1 }}\n"), "select 1");
}

#[test]
fn sql_comments_do_not_stop_jinja() {
    assert_eq!(compiled("-- depends_on: {{ ref('a') }}\nselect 1"), "-- depends_on: \"gold\".\"a\"\nselect 1");
}

#[test]
fn values_print_as_in_python() {
    assert_eq!(
        compiled("{{ none }} {{ true }} {{ ['a', \"it's\", 1, 2.0, none] }} {{ ('a',) }} {{ {'k': [true]} }}"),
        "None True ['a', \"it's\", 1, 2.0, None] ('a',) {'k': [True]}"
    );
}

#[test]
fn lists_can_be_changed() {
    let template = "{% set l = [] %}{% do l.append('b') %}{% do l.extend(['c', 'd']) %}{% do l.insert(0, 'a') %}\
                    {{ l }} {{ l.pop() }} {{ l.index('c') }} {% do l.remove('a') %}{% do l.reverse() %}{{ l }} {{ l | length }}\
                    {% for x in l %} {{ loop.index }}{{ x }}{% endfor %}";
    assert_eq!(compiled(template), "['a', 'b', 'c', 'd'] d 2 ['c', 'b'] 2 1c 2b");
}

#[test]
fn dicts_can_be_changed() {
    let template = "{% set d = {'a': 1} %}{% do d.update({'b': 2}) %}{% do d.update(c=3) %}{{ d }} {{ d.pop('a') }} \
                    {{ d.setdefault('z', 9) }} {% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {{ d.get('q', 'none') }} \
                    {{ 'b' in d }} {{ d.b + d['c'] }}";
    assert_eq!(compiled(template), "{'a': 1, 'b': 2, 'c': 3} 1 9 b=2;c=3;z=9; none True 5");
}

#[test]
fn a_list_in_a_loop_is_a_new_one_each_time() {
    let template = "{% for i in range(2) %}{% set l = [] %}{% do l.append(i) %}{{ l }}{% endfor %}";
    assert_eq!(compiled(template), "[0][1]");
}

#[test]
fn operators_are_those_of_python() {
    let template = "{{ '%s-%03d' % ('a', 7) }} {{ '%s' % 'x' }} {{ 7 % 3 }} {{ (1 + 6) % (2 + 1) }} {{ [1] + [2] }} \
                    {{ 'a' + 'b' }} {{ 5 - 2 - 1 }} {{ 1.5 + 1 }} {{ -7 // 2 }} {{ 2 ** 3 }} {{ 1 < 2 < 3 }}";
    assert_eq!(compiled(template), "a-007 x 1 1 [1, 2] ab 2 2.5 -4 8 True");
}

#[test]
fn a_changed_list_does_not_change_the_sum_it_went_into() {
    let template = "{% set a = [1] %}{% set b = a + [2] %}{% do a.append(9) %}{% do b.append(3) %}{{ a }}{{ b }}";
    assert_eq!(compiled(template), "[1, 9][1, 2, 3]");
}

#[test]
fn text_has_the_methods_of_python() {
    let template = "{{ 'a,b'.split(',') }} {{ 'x'.zfill(3) }} {{ 'Ab'.lower() }} {{ 'a'.rjust(3, '.') }} \
                    {{ ','.join(['a', 'b']) }} {{ 'a.b.c'.rsplit('.', 1) }} {{ '{}-{}'.format(1, 2) }} {{ 'abc'[1:] }} {{ 'abc'[-1] }}";
    assert_eq!(compiled(template), "['a', 'b'] 00x ab ..a a,b ['a.b', 'c'] 1-2 bc c");
}

#[test]
fn blocks_of_jinja_work() {
    let template = "{% set x %}a{{ 1 }}{% endset %}{{ x }} {% set a, b = [1, 2] %}{{ b }} {% set ns = namespace(n=0) %}\
                    {% for i in [1, 2, 3] %}{% if i == 2 %}{% continue %}{% endif %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }} \
                    {% filter upper %}abc{% endfilter %} {% raw %}{{ x }}{% endraw %} {{ 'y' if false }}{{ 'z' if true else 'n' }}";
    assert_eq!(compiled(template), "a1 2 4 ABC {{ x }} z");
}

#[test]
fn loops_unpack_and_filters_read_keys() {
    let template = "{% for a, b in [('x', 1), ['y', 2]] %}{{ a }}{{ b }}{% endfor %} {% set rows = [{'k': 2}, {'k': 1}] %}\
                    {{ rows | map(attribute='k') | list }} {{ rows | sort(attribute='k') | first }} {{ rows | sum(attribute='k') }} \
                    {{ rows | selectattr('k', 'gt', 1) | list | length }} {{ [1, [2]] is sequence }} {{ {} is mapping }} {{ 'a' in ['a'] }} {{ 'b' not in {'a': 1} }}";
    assert_eq!(compiled(template), "x1y2 [2, 1] {'k': 1} 3 1 True True True True");
}

#[test]
fn a_template_may_declare_macros_for_itself() {
    assert_eq!(compiled("{% macro m(a, b=2) %}{{ a + b }}{% endmacro %}{{ m(1) }} {{ m(1, b=5) }}"), "3 6");
}

#[test]
fn helpers_of_dbt_work() {
    let template = "{{ tojson({'b': [1, none], 'a': 'é'}, sort_keys=true) }} {{ fromjson('{\"a\": [1]}').a[0] }} {{ fromjson('x', 'no') }} \
                    {{ set([1, 2, 1]) }} {{ zip([1, 2], ['a', 'b']) }} {{ dict(a=1) }} {{ local_md5('a') }} {{ [3, 1] | sort }}";
    assert_eq!(
        compiled(template),
        "{\"a\": \"\\u00e9\", \"b\": [1, null]} 1 no [1, 2] [(1, 'a'), (2, 'b')] {'a': 1} 0cc175b9c0f1b6a831c399e269772661 [1, 3]"
    );
}

#[test]
fn a_missing_key_compares_as_nothing() {
    assert_eq!(
        compiled(
            "{% set d = {'a': 1} %}{{ d.x == 1 }} {{ d['x'] != 1 }} {{ d.x is defined }} {% if d.x %}yes{% endif %}"
        ),
        "False True False "
    );
}

#[test]
fn every_shape_of_expression_survives_the_rewriting() {
    let template = "{% set a = 9 %}{% set b = 4 %}{% set d = {'x': 1, 'y': {'z': [5, 'ü']}} %}\
        {{ (a - b) - (b - a) }} {{ ((a)) % ((b)) }} {{ [7, 8][a - b - b] }} {{ d.x == d['y'].z[1] and d.q != d.w.q }} \
        {{ (d.x) == (d.x) }} {{ not d.x == 1 }} {{ dict(k=d.x == 1, **{'l': [2]}) }} {{ ref ( 'u' ,) }} \
        {{- [ ] -}} {% set e, f = 1, [2] %}{{ e }}{{ f }} {{ {'a': [1, {'b': 2}]}['a'][1].b }} {{ -d.x == -1 }} \
        {{ 'x'|upper == 'X' }} {{ 1 if d.x == 1 else [2] }} {% for i in [{'x': 1}, {}] if i.x == 1 %}{{ i }}{% endfor %} \
        {{ a\n  -\n  b }} {{ 'a' 'b%s' % 1 }} {{ a - b * 2 - 1 }} {{ (a, b)[0] + (b + a) }} {{ [a] + [b] == [9, 4] }} {{ d.x == 1 == true }}";
    assert_eq!(
        compiled(template),
        "10 1 8 False True False {'k': True, 'l': [2]} \"gold\".\"u\"[]1[2] 2 True True 1 {'x': 1} 5 ab1 0 22 True True"
    );
}
