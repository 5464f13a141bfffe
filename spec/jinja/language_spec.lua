-- The language, template by template: what python3-jinja2 makes of each, and what this engine makes of it.

local jinja = require "opengatellm.jinja"
local json_reader = require "opengatellm.jinja.json_reader"
local oracle = require "spec.support.oracle"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

-- The variables of all cases, as JSON, for the order of keys counts.
local VALUES = [==[{
  "s": "Hé wörld", "pad": " \u00a0 x y\u3000\n", "n": 7, "f": 2.5, "whole": 3.0, "big": 1e22, "small": 1e-7, "yes": true, "no": false, "none_": null, "zero": 0,
  "empty": "", "list": [3, 1, 2], "names": ["b", "A", "c", "a"], "nested": [[1, 2], [3, [4]]], "mixed": [1, "x", null, true, 1.5, {"k": "v"}],
  "d": {"b": 1, "a": {"x": "y"}, "items": 5, "10": "ten"}, "rows": [{"n": "x", "v": 2}, {"n": "y", "v": 1}, {"n": "X", "v": 3}, {"v": 0}],
  "quotes": "it's", "both": "it's \"so\"", "html": "<a href=\"x\">&'</a>", "lines": "one\ntwo\r\nthree\n\nfive", "control": "\u0001\t\u007f\u0085\u200b\ud83d\ude00",
  "long": "the quick brown fox jumps over the lazy dog"
}]==]

local CASES = {
  -- blanks around tags
  "a\n  {% if yes %}\n  b\n  {% endif %}\nc\n", "a {%- if yes -%} b {%- endif -%} c", "  {%+ if yes %}x{%+ endif %}\n y", "{% if yes +%}\nx{% endif %}",
  "{# note #}\nx", "x {#- note -#} y", "  {# note #}\n  y", "{{ s }}\n{{ s }}", "{{- s -}}\n x", "\n\n{{ s }}\n\n", "a\r\nb\rc", "{% raw %}{{ x }}{% endraw %}\ny",
  "  {%- raw -%}  {% if %} {%- endraw -%} z", "{% raw %}\n  {{ a }}\n  {% endraw %}\n b", "{% if yes %}   {% endif %}|", "x   {% if yes %}y{% endif %}", "{{ '{%' }} { % }",
  "\t{% set x = 1 %}\t\n\t{{ x }}", "{%- set x = 1 +%}\n{{ x }}", "{{+ n }}",
  -- literals
  "{{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1.5e3 }} {{ 2e-2 }} {{ 1.0 }}", [[{{ 'a\n\t\\\'\x41\u00e9\d\101' }}]], [[{{ "a" 'b' "c" }}]], "{{ [1, 'a', none, true,] }}",
  "{{ (1,) }} {{ () }} {{ (1, 2) }} {{ 1, 2 }}", "{{ {'a': 1, 'b': [2], 3: 'c'} }}", "{{ True }} {{ False }} {{ None }} {{ true }}", "{{ 'x' 'y' ~ 1 }}", "{{ {} }}{{ [] }}",
  -- numbers
  "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 2 ** 3 }} {{ 2 ** -1 }}",
  "{{ f }} {{ whole }} {{ big }} {{ small }} {{ 0.1 + 0.2 }} {{ 1e16 }} {{ 123456789.125 }}",
  "{{ 1 + true }} {{ -n }} {{ +n }} {{ --n }} {{ n * 2.0 }}", "{{ n + 'x' }}", "{{ 1 / 0 }}", "{{ 2 ** 3 ** 2 }}", "{{ -2 ** 2 }}", "{{ 10 - 3 - 2 }}", "{{ 1 + 2 ~ 3 + 4 }}",
  "{{ 'x' * 3 }} {{ [1] * 2 }} {{ 'x' * -1 }}",
  "{{ 3.0 == 3 }} {{ 1 == true }} {{ 1 == '1' }}",
  "{{ n|int }} {{ '12'|int }} {{ ' 3.7 '|int }} {{ 'x'|int }} {{ 'x'|int(5) }} {{ none_|int }} {{ '2.5'|float }} {{ 'x'|float }} {{ 'ff'|int(base=16) }} {{ -2.7|int }}",
  "{{ 2.5|round }} {{ 3.5|round }} {{ 2.567|round(2) }} {{ 2.1|round(method='ceil') }} {{ 7|round }} {{ -3|abs }} {{ f|abs }}",
  "{{ list|sum }} {{ rows|sum('v') }} {{ list|sum(start=10) }}",
  "{{ -0.0 }} {{ 5 % 2.5 }} {{ 1e300 * 1e10 }}",
  -- comparisons and logic
  "{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 2 <= 2 }} {{ 'Z' < 'a' }}", "{{ 1 < 'a' }}",
  "{{ 'a' in 'abc' }} {{ 1 in list }} {{ 'a' in d }} {{ 9 not in list }} {{ 'x' in missing }}", "{{ 1 in 'a' }}",
  "{{ not yes }} {{ yes and 'x' }} {{ no or 'y' }} {{ empty or none_ or 0 }} {{ not (1 in list) }} {{ not 1 == 2 }}",
  "{{ 'a' if yes else 'b' }}{{ 'a' if no }}|{{ 'a' if no else 'b' if no else 'c' }}",
  "{{ [] == () }} {{ (1,) == (1,) }} {{ {'a': 1} == {'a': 1.0} }} {{ missing == other }} {{ none_ == missing }}",
  -- access
  "{{ d.a.x }} {{ d['a']['x'] }} {{ d['items'] }} {{ d.nothing }}|{{ d['nothing'] }}|{{ d.get('zz') }} {{ d.get('zz', 3) }} {{ d['10'] }}", "{{ missing.x }}",
  "{{ missing }}|{{ missing.x is defined }}", "{{ none_.x }}|{{ none_['x'] }}",
  "{{ list[0] }} {{ list[-1] }} {{ list[5] }}| {{ s[1] }} {{ s[-1] }} {{ list.0 }} {{ list['x'] }}",
  "{{ s[1:4] }} {{ s[::-1] }} {{ s[-3:] }} {{ list[1:] }} {{ list[:-1] }} {{ list[::2] }} {{ s[10:] }}| {{ list[::-1] }} {{ s[:100] }} {{ (1,2,3)[1:] }}",
  "{{ list[1.0] }}|{{ d[1] }}|{{ d[list] }}", "{{ d.__class__ }}|", "{{ s.nothing() }}", "{{ 5.x }}", "{{ nested[1][1][0] }} {{ nested.1.0 }}",
  -- methods of texts
  "[{{ pad.strip() }}] [{{ pad.lstrip() }}] [{{ pad.rstrip() }}] [{{ 'xxaxx'.strip('x') }}] [{{ 'abc'.strip('ca') }}] [{{ ''.strip() }}]",
  "{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }} {{ ' a  b c '.split(none, 1) }} {{ ''.split() }} {{ ''.split(',') }}",
  "{{ 'a,b,c'.rsplit(',', 1) }} {{ 'a</t>b'.split('</t>')[-1] }} {{ 'abc'.split('') }}", "{{ 'a-b-c'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ 'abc'.partition('-') }}",
  "{{ lines.splitlines() }} {{ lines.splitlines(true) }}",
  "{{ 'abc'.startswith('a') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.startswith('') }} {{ 'a'.endswith('aa') }}",
  "{{ 'aXbX'.replace('X', '-') }} {{ 'aXbX'.replace('X', '-', 1) }} {{ 'ab'.replace('', '-') }} {{ 'ab'.replace('', '-', 2) }}",
  "{{ s.upper() }} {{ s.lower() }} {{ 'ÀÉ straße'.upper() }} {{ 'hELLO wORLD'.capitalize() }} {{ \"they're bill's 3rd\".title() }} {{ 'aB'.swapcase() }}",
  "{{ s.find('w') }} {{ s.find('z') }} {{ s.rfind('l') }} {{ s.index('w') }} {{ s.count('l') }} {{ 'aaa'.count('aa') }} {{ 'abcabc'.find('b', 2) }}", "{{ s.index('z') }}",
  "{{ '-'.join(['a', 'b']) }} {{ ''.join([]) }}", "{{ ','.join([1]) }}",
  "{{ 'x'.ljust(3, '.') }}{{ 'x'.rjust(3) }}{{ 'x'.center(4, '*') }} {{ '-5'.zfill(4) }} {{ 'a\tb'.expandtabs(4) }}",
  "{{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'ab'.isalpha() }} {{ 'a1'.isalnum() }} {{ ' '.isspace() }} {{ 'A'.isupper() }} {{ 'a1'.islower() }} {{ 'Ab'.istitle() }}",
  "{{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('c') }} {{ 'abc'.removesuffix('x') }}",
  "{{ '{} {}'.format(1, 'x') }} {{ '{0}{1}{0}'.format('a', 'b') }} {{ '{x}'.format(x=3) }} {{ '{{}}'.format() }} {{ '{:>5}|{:<5}|{:^5}'.format('a', 'b', 'c') }}",
  "{{ '{:05.2f} {:d} {:x} {:,}'.format(3.14159, 5, 255, 1234567) }} {{ '{!r}'.format('a') }}", "{{ '{}'.format() }}",
  "{{ '%s is %d' % ('x', 3) }} {{ '%05.2f|%5s|%-5s|%r|%%|%x' % (2.5, 'a', 'b', 'c', 255) }} {{ '%s' % none_ }} {{ '%(a)s' % {'a': 1} }} {{ '%05d' % -3 }}", "{{ '%s' % (1, 2) }}",
  "{{ '%s %s'|format('a', 'b') }}",
  -- lists and dicts
  "{% set l = [1] %}{% set _ = l.append(2) %}{{ l }} {{ l.pop() }} {{ l }} {{ l.index(1) }} {{ [1, 2, 1].count(1) }}",
  "{% set l = [1, 2] %}{% set _ = l.insert(1, 'x') %}{% set _ = l.extend([3]) %}{{ l }}{% set _ = l.reverse() %}{{ l }} {{ l.pop(0) }}",
  "{{ d.keys()|list }} {{ d.values()|list }} {% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
  "{% set e = dict(a=1) %}{% set _ = e.update({'b': 2}) %}{% set _ = e.update(c=3) %}{{ e }} {{ e.pop('a') }} {{ e.pop('zz', 'no') }} {{ e }}",
  "{% for k in d %}{{ k }},{% endfor %}", "{{ [1, 2] + [3] }} {{ (1,) + (2,) }}", "{{ [1] + (2,) }}",
  "{{ dict({'a': 1}, b=2) }}", "{{ {'a': 1, 'a': 2} }} {{ {1: 'x', true: 'y'} }}",
  -- filters
  "{{ names|sort }} {{ names|sort(case_sensitive=true) }} {{ list|sort(reverse=true) }} {{ rows|selectattr('n', 'defined')|sort(attribute='n')|map(attribute='v')|list }}",
  "{{ d|dictsort|map('first')|list }} {{ {'b': 1, 'A': 2}|dictsort }} {{ {'b': 1, 'A': 2}|dictsort(by='value', reverse=true) }}",
  "{{ names|join(', ') }} {{ rows|join('-', attribute='v') }} {{ mixed|join }} {{ list|join(1) }}", "{{ s|length }} {{ list|length }} {{ d|count }} {{ missing|length }}",
  "{{ 5|length }}", "{{ list|first }} {{ list|last }} {{ []|first }}| {{ s|first }} {{ d|first }}",
  "{{ missing|default('x') }} {{ empty|default('x') }} {{ empty|default('x', true) }} {{ none_|d('z', boolean=True) }} {{ missing|default }}|",
  "{{ names|map('upper')|list }} {{ rows|map(attribute='n', default='-')|list }} {{ ['a b', 'c']|map('replace', ' ', '_')|join('|') }}",
  "{{ rows|selectattr('n')|list|length }} {{ rows|rejectattr('n', 'defined')|list }} {{ list|select('odd')|list }} {{ list|reject('gt', 2)|list }}",
  "{{ rows|selectattr('v', '>=', 2)|map(attribute='v')|list }} {{ none_|selectattr('x')|list }}",
  "{{ names|unique|list }} {{ [1, 1.0, 2]|unique|list }} {{ list|min }} {{ names|max }} {{ []|max }}|",
  "{{ s|upper }} {{ s|lower }} {{ 'a b-c (d'|title }} {{ 'aBC'|capitalize }} {{ pad|trim }}| {{ 'xax'|trim('x') }} {{ n|upper }} {{ n|string + 'x' }}",
  "{{ lines|indent }}|{{ lines|indent(2, true) }}|{{ lines|indent('> ', blank=true) }}|{{ 'x'|indent(width=2, first=True) }}",
  "{{ long|truncate(20) }} {{ long|truncate(20, true) }} {{ long|truncate(20, false, '…') }} {{ 'short'|truncate(4) }} {{ long|wordcount }} {{ 'x'|center(5) }}|",
  "{{ html|e }} {{ html|escape|upper }} {{ html|safe }} {{ 'a<'|safe + '<b' }} {{ '<a' + ('<b'|safe) }} {{ 'x'|safe ~ '<' }}",
  "{{ s|list }} {{ s|reverse }} {{ list|reverse|list }} {{ 'a/b c&é'|urlencode }}",
  "{{ list|batch(2)|list }} {{ list|batch(2, 'x')|list }}", "{% for k, g in rows|groupby('v') %}{{ k }}:{{ g|length }} {% endfor %}", "{{ d|items|list }} {{ missing|items|list }}",
  "{{ s|nothing }}", "{{ d|attr('keys') is callable }}", "{{ 'x'|replace('x', 'y')|upper|lower }}", "{{ -1|abs }}", "{{ names|sort|join|upper }}",
  -- JSON
  "{{ mixed|tojson }} {{ d|tojson }} {{ both|tojson }} {{ control|tojson }} {{ html|tojson }} {{ control|tojson(ensure_ascii=true) }}",
  "{{ d|tojson(indent=2) }} {{ mixed|tojson(indent=4) }} {{ []|tojson(indent=2) }} {{ {}|tojson(indent=2) }} {{ nested|tojson(2) }}",
  "{{ d|tojson(separators=(',', ':')) }} {{ d|tojson(sort_keys=true) }} {{ d|tojson(indent=none) }} {{ {1: 2, none: 3, true: 4, 2.5: 5}|tojson }} {{ big|tojson }}",
  "{{ (1, 2)|tojson }} {{ d|tojson(indent='--') }}", "{{ missing|tojson }}", "{{ '[1, {\"a\": 2.0}]'|from_json }}",
  -- how values are shown
  "{{ mixed }} {{ d }} {{ nested }}", "{{ [quotes, both, control, s] }}", "{{ [none_, yes, f, whole, big, small] }} {{ {'k': (1, 'a')} }} {{ ['\\\\', '\n'] }}", "{{ [missing] }}",
  "{{ ['\194\160\227\128\128\194\173\238\128\128'] }}",
  -- tests
  "{{ missing is defined }} {{ n is defined }} {{ missing is undefined }} {{ none_ is none }} {{ yes is boolean }} {{ n is number }} {{ yes is number }}",
  "{{ yes is integer }} {{ f is float }} {{ n is float }} {{ s is string }}", "{{ d is mapping }} {{ d is sequence }} {{ s is sequence }} {{ s is iterable }}",
  "{{ n is iterable }} {{ missing is iterable }} {{ missing is sequence }} {{ none_ is sequence }} {{ dict is callable }} {{ s is callable }}",
  "{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 1 is eq 1 }} {{ 1 is ne 1 }} {{ 2 is gt 1 }} {{ 2 is lessthan 1 }}",
  "{{ 2 is in [1, 2] }} {{ 'a' is lower }} {{ 'A' is upper }} {{ none is sameas none }} {{ 1 is sameas true }} {{ yes is true }} {{ 1 is true }} {{ no is false }}",
  "{{ n is not none }} {{ not n is none }} {{ s is string and n is number }} {{ 'upper' is filter }} {{ 'zz' is filter }} {{ 'odd' is test }} {{ s is nothing }}",
  "{{ (n is defined) ~ 'x' }} {{ n is defined and n > 3 }} {{ 1 is eq 1 or no }} {{ missing is not defined }}",
  -- loops
  "{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }};{% endfor %}",
  "{% for x in list %}{{ loop.revindex0 }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }};{% endfor %}",
  "{% for x in list if x > 1 %}{{ x }}{{ loop.length }}{% else %}none{% endfor %}|{% for x in [] %}{% else %}none{% endfor %}",
  "{% for a, b in [(1, 2), (3, 4)] %}{{ a }}{{ b }}{% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}",
  "{% for x in list %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for c in s %}{{ c }}.{% endfor %}",
  "{% for x in missing %}x{% else %}e{% endfor %}", "{% for x in 5 %}{% endfor %}",
  "{% for x in list %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{% endfor %}",
  "{% for x in nested recursive %}[{% if x is iterable %}{{ loop(x) }}{% else %}{{ x }}{{ loop.depth }}{% endif %}]{% endfor %}",
  "{% for x in range(3) %}{{ x }}{% endfor %}{{ range(1, 10, 3)|list }}{{ range(5, 0, -2)|list }}",
  "{% for x in list %}{% for y in list %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}{{ loop }}", "{% for x in [1, 2] + [3] %}{{ x }}{% endfor %}",
  "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{% for x in (list if yes else []) %}{{ x }}{% endfor %}",
  -- variables and their scopes
  "{% set x = 1 %}{% for i in list %}{{ x }}{% set x = i %}{% endfor %}{{ x }}", "{% set x = 1 %}{% if yes %}{% set x = 2 %}{% endif %}{{ x }}",
  "{% set ns = namespace(x=1, d={}) %}{% for i in list %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{{ ns.zz }}",
  "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = 1, 2 %}{{ c }}", "{% set x %}a{{ n }}{% endset %}{{ x }}{{ x is string }}", "{% set x | upper %}a{{ n }}b{% endset %}{{ x }}",
  "{% set d.x = 1 %}", "{% with a = 1, b = n %}{{ a }}{{ b }}{% set a = 5 %}{% endwith %}{{ a }}", "{% set ns = namespace({'a': 1}) %}{{ ns.a }}",
  "{% for i in [1, 2] %}{% set y = i %}{% endfor %}{{ y }}", "{% set s = 'x' %}{% for i in [1] %}{{ s }}{% endfor %}",
  -- macros
  "{% macro m(a, b='x', c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(1, c=3) }}{{ m(b=2, a=1) }}{{ m() }}",
  "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(zz=2) }}",
  "{% macro f(k) %}{% if k > 0 %}{{ k }}{{ f(k - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
  "{% macro m(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}{% call m('b') %}in{{ n }}{% endcall %}",
  "{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) m() %}{{ a }}-{{ b }}{% endcall %}",
  "{% set y = 1 %}{% macro m() %}{{ y }}{% set y = 2 %}{{ y }}{% endmacro %}{{ m() }}{{ y }}", "{{ m() }}{% macro m() %}{% endmacro %}",
  "{% macro m() %}  a  {% endmacro %}{{ m()|trim ~ m() }}{{ m.name }}", "{% macro m(x) %}{% for i in x %}{{ i }}{% endfor %}{% endmacro %}{{ m(list)|length }}",
  "{{ dict(*[{'a': 1}], **{'b': 2}) }}",
  -- what else there is
  "{% filter upper %}a{{ s }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}banana{% endfilter %}", "{% block x %}a{{ n }}{% endblock %}",
  "{% generation %}a{{ n }}{% endgeneration %}b", "{{ strftime_now('%d %B') }}", "{{ raise_exception('no: ' ~ n) }}", "{% set j = joiner('|') %}{{ j() }}a{{ j() }}b",
  "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}", "{% print n, s %}",
  -- where texts could lose their origin
  "{{ s.format(1) }} {{ (s ~ '{}{{').format('x') }} {{ (s ~ '%s%%') % 'x' }} {{ '-5'.zfill(9) }} {{ s.zfill(30) }}", "{{ dict(**dict({s: s})) }}", "{{ d|tojson(indent=s) }}",
  "{% macro m() %}{{ kwargs }}{% endmacro %}{{ m(**{s: 1}) }}", "{{ '{0:é>30}'.format(s) }} {{ s.center(40, '*') }} {{ 'a'.join([s, s]) }} {{ s.join(['a', 'b']) }}",
  -- what is no template
  "{% if %}", "{% if yes %}", "{{ n", "{% nothing %}", "{{ }}", "{{ 1 + }}", "{% endif %}", "{{ 'x }}", "{{ (1 }}", "{{ a b }}", "{% for x list %}{% endfor %}", "{% set 1 = 2 %}",
  "{# x", "{{ x[1 }}", "{{ f(a=1, 2) }}", "{{ 1 is odd is even }}", "{% macro %}{% endmacro %}", "{% else %}", "{{ ] }}", "{{ $ }}",
}

local function variables()
  local made, given = { strftime_now = function(arguments) return text.join { "NOW ", arguments[1] } end }, json_reader.read(VALUES, text.foreign)
  for _, key in ipairs(given.keys) do made[text.bytes(key)] = given.values[text.bytes(key)] end
  return made
end

local function rendered(source)
  local template, problem = jinja.compile(source)
  if not template then return nil, problem end
  local result
  result, problem = template:render(variables())
  return result and text.bytes(result), problem
end

-- The variables, each of whose texts is written in letters that no template has.
local function strange(given)
  if value.is_dict(given) then
    for _, key in ipairs(given.keys) do value.put(given, key, strange(value.get(given, key))) end
  elseif value.is_sequence(given) then
    for i, each in ipairs(given) do given[i] = strange(each) end
  elseif text.is(given) then
    return text.foreign((text.bytes(given):gsub("%a", "Ж")))
  end
  return given
end

describe("every template of the language", function()
  it("keeps what is foreign apart from what is its own", function()
    local rest = 0
    for _, source in ipairs(CASES) do
      local template, given = jinja.compile(source), variables()
      for name, each in pairs(given) do given[name] = name ~= "strftime_now" and strange(each) or each end
      local result = template and template:render(given)
      for _, run in ipairs(result and text.runs(result) or {}) do
        rest = rest + 1
        assert.is_nil(not run.foreign and (run.text:find "\208[\150\182]" or run.text:find "0416") or nil, source .. ": " .. run.text)
      end
    end
    assert.is_true(rest > 500)
  end)
end)

describe("the language", function()
  if not oracle.is_here() then return it("is that of python3-jinja2", function() pending "python3-jinja2 is not installed" end) end

  local jobs = {}
  for i, source in ipairs(CASES) do jobs[i] = { source = source, values = VALUES } end
  local expected = oracle.render(jobs)

  for i, source in ipairs(CASES) do
    it("has " .. source:gsub("%s+", " "), function()
      local result, problem = rendered(source)
      if expected[i].text then assert.equal(expected[i].text, result, problem) else assert.is_nil(result, expected[i].error) end
      assert.is_nil(problem and problem:match "the engine failed.*")
    end)
  end

  it("fails where the other fails, with the line", function()
    local _, problem = rendered "a\n{% if yes %}\n{{ missing.x }}{% endif %}"
    assert.equal("line 3: 'missing' is undefined", problem)
    _, problem = jinja.compile "a\n\n{% if yes"
    assert.equal("line 3: a tag has no end", problem)
  end)
end)
