--- The filters of lists, dicts and numbers.
--
-- @module opengatellm.jinja.list_filters
local access = require "opengatellm.jinja.access"
local call = require "opengatellm.jinja.call"
local effort = require "opengatellm.jinja.effort"
local mistake = require "opengatellm.jinja.mistake"
local number = require "opengatellm.jinja.number"
local show = require "opengatellm.jinja.show"
local slice = require "opengatellm.jinja.slice"
local strings = require "opengatellm.jinja.string_methods"
local tests = require "opengatellm.jinja.tests"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local M = {}

-- Reads an attribute of each item, or the item itself.
local function getter(attribute, default)
  attribute = value.given(attribute)
  if attribute == nil then return function(item) return item end end
  return function(item)
    local found = access.path(item, attribute)
    return value.is_undefined(found) and default ~= nil and default or found
  end
end

-- What items are compared by: texts without their case, unless it is asked for.
local function comparer(attribute, case_sensitive)
  local get = getter(attribute)
  return function(item)
    local key = get(item)
    return text.is(key) and not call.flag(case_sensitive) and strings.lower(key) or key
  end
end

-- What is in a value; nothing where it is not true, as Jinja's choices have it.
local function each_or_none(subject) return value.truth(subject) and value.each(subject) or {} end

local function mapped(subject, fn)
  local items = {}
  for i, each in ipairs(value.each(subject)) do items[i] = fn(each) end
  effort.spend(#items)
  return value.list(items)
end

-- Takes the items that a question is true of.
local function chosen(subject, question)
  local items = {}
  effort.spend(#subject)
  for _, each in ipairs(subject) do
    if question(each) then items[#items + 1] = each end
  end
  return value.list(items)
end

-- Sorts what is decorated as { key, item }, and keeps the order of equal keys.
local function sorted_items(pairs_to_sort, reverse)
  effort.spend(#pairs_to_sort * 20)
  for i, each in ipairs(pairs_to_sort) do each.place = i end
  table.sort(pairs_to_sort, function(a, b)
    if value.equal(a.key, b.key) then return a.place < b.place end
    if reverse then return value.less(b.key, a.key) end
    return value.less(a.key, b.key)
  end)
  local items = {}
  for i, each in ipairs(pairs_to_sort) do items[i] = each.item end
  return value.list(items)
end

local function sort_key(attribute, case_sensitive)
  attribute = value.given(attribute)
  if not (text.is(attribute) and text.bytes(attribute):find(",", 1, true)) then return comparer(attribute, case_sensitive) end
  local parts = {}
  for part in text.bytes(attribute):gmatch "[^,]+" do parts[#parts + 1] = comparer(part, case_sensitive) end
  return function(item)
    local keys = {}
    for i, part in ipairs(parts) do keys[i] = part(item) end
    return value.tuple(keys)
  end
end

local function sort(subject, reverse, case_sensitive, attribute)
  local key = sort_key(attribute, case_sensitive)
  local decorated = mapped(subject, function(item) return { key = key(item), item = item } end)
  return sorted_items(decorated, call.flag(reverse))
end

local function dictsort(subject, case_sensitive, by, reverse)
  local place = by ~= nil and text.bytes(call.text(by)) == "value" and 2 or 1
  local key = comparer(nil, case_sensitive)
  if not value.is_dict(subject) then mistake.raise "dictsort needs a dict" end
  local decorated = mapped(value.items(subject), function(item) return { key = key(item[place]), item = item } end)
  return sorted_items(decorated, call.flag(reverse))
end

local function unique(subject, case_sensitive, attribute)
  local key, seen = comparer(attribute, case_sensitive), {}
  return chosen(value.each(subject), function(item)
    local its_key = key(item)
    local is_new = not value.is_in(its_key, value.list(seen))
    if is_new then seen[#seen + 1] = its_key end
    return is_new
  end)
end

-- The first item that comes in front of all others.
local function extreme(is_better)
  return function(subject, case_sensitive, attribute)
    local key, best = comparer(attribute, case_sensitive), nil
    effort.spend(value.length(subject) or 0)
    for _, each in ipairs(value.each(subject)) do
      if best == nil or is_better(key(each), key(best)) then best = each end
    end
    return best == nil and value.undefined "no aggregated item, sequence was empty" or best
  end
end

local function groupby(subject, attribute, default, case_sensitive)
  local get, groups, by_key = getter(attribute, default), {}, value.dict()
  effort.spend(value.length(subject) or 0)
  for _, each in ipairs(value.each(subject)) do
    local key = get(each)
    local folded = text.is(key) and not call.flag(case_sensitive) and strings.lower(key) or key
    local group = value.get(by_key, folded)
    if not group then
      group = { key = folded, item = value.tuple { key, value.list() } }
      groups[#groups + 1] = group
      value.put(by_key, folded, group)
    end
    table.insert(group.item[2], each)
  end
  return sorted_items(groups, false)
end

local function join(subject, separator, attribute)
  local get = getter(attribute)
  return text.join(mapped(subject, function(item) return show.str(get(item)) end), show.str(separator == nil and "" or separator))
end

local function first(subject)
  local found = value.each(subject)[1]
  return found == nil and value.undefined "no first item, sequence was empty" or found
end

local function last(subject)
  local items = value.each(subject)
  local found = items[#items]
  return found == nil and value.undefined "no last item, sequence was empty" or found
end

local function length(subject)
  return value.length(subject) or mistake.raisef("'%s' has no length", value.kind(subject))
end

local function list(subject) return mapped(subject, function(item) return item end) end

local function reverse(subject)
  return slice.of(value.is_dict(subject) and list(subject) or subject, nil, nil, -1) or mistake.raise "the argument must be iterable"
end

local function items(subject)
  if value.is_undefined(subject) then return value.list() end
  if not value.is_dict(subject) then mistake.raise "can only get item pairs from a mapping" end
  return value.items(subject)
end

-- Lists of `count` items; the last is filled up where there is something to fill it with.
local function batch(subject, count, fill)
  local batches, size = {}, call.integer(count)
  effort.spend(value.length(subject) or 0)
  for i, each in ipairs(value.each(subject)) do
    if (i - 1) % size == 0 then batches[#batches + 1] = value.list() end
    table.insert(batches[#batches], each)
  end
  local rest = batches[#batches]
  while rest and value.given(fill) ~= nil and #rest < size do
    effort.spend(1)
    rest[#rest + 1] = fill
  end
  return value.list(batches)
end

local function default(subject, otherwise, also_false)
  local missing = value.is_undefined(subject) or call.flag(also_false) and not value.truth(subject)
  if not missing then return subject end
  return otherwise == nil and "" or otherwise
end

-- Choices -------------------------------------------------------------------------------------------------------------------

-- The question that the arguments from a place on ask: a test's name and its arguments; nothing asks whether it is true.
local function question_of(arguments, place)
  local name = arguments[place]
  if name == nil then return value.truth end
  local rest = call.without_first(arguments, place)
  return function(item) return tests.ask(text.bytes(call.text(name)), item, rest) end
end

local function select(wanted)
  return function(subject, arguments)
    local question = question_of(arguments, 1)
    return chosen(each_or_none(subject), function(item) return question(item) == wanted end)
  end
end

local function select_by_attribute(wanted)
  return function(subject, arguments)
    local get, question = getter(arguments[1]), question_of(arguments, 2)
    return chosen(each_or_none(subject), function(item) return question(get(item)) == wanted end)
  end
end

local function map(subject, arguments)
  local attribute = call.named(arguments, "attribute")
  subject = value.truth(subject) and subject or value.list()
  if attribute ~= nil then return mapped(subject, getter(attribute, call.named(arguments, "default"))) end
  local name, rest = text.bytes(call.text(arguments[1])), call.without_first(arguments, 1)
  local filters = require "opengatellm.jinja.filters" -- which has this one
  return mapped(subject, function(item) return filters.apply(name, item, rest) end)
end

-- Numbers -------------------------------------------------------------------------------------------------------------------

local function parsed(subject)
  local its_number, is_float = number.of(value.defined(subject))
  if its_number then return its_number, is_float end
  local digits = text.is(subject) and text.bytes(strings.strip(subject)):gsub("_", "")
  return digits and digits:find "^[-+]?%.?%d" and not digits:find "[xXpP]" and tonumber(digits) or nil
end

local function to_integer(subject, otherwise, base)
  local radix = call.integer(base, 10)
  if radix ~= 10 and text.is(subject) then return tonumber(text.bytes(subject), radix) or otherwise or 0 end
  local its_number = parsed(subject)
  if its_number == nil then return otherwise == nil and 0 or otherwise end
  return number.truncate(its_number)
end

local function to_float(subject, otherwise)
  local its_number = parsed(subject)
  if its_number == nil then return otherwise == nil and number.float(0) or otherwise end
  return number.float(its_number)
end

local function abs(subject)
  local its_number, is_float = number.of(value.defined(subject))
  if not its_number then mistake.raise "bad operand type for abs" end
  return is_float and number.float(math.abs(its_number)) or math.abs(its_number)
end

-- Rounds half to even, as Python does.
local function half_even(its_number)
  local below = math.floor(its_number)
  local rest = its_number - below
  if rest > 0.5 or rest == 0.5 and below % 2 == 1 then return below + 1 end
  return below
end

local ROUND = { common = half_even, ceil = math.ceil, floor = math.floor }

local function round(subject, precision, method)
  local its_number, is_float = number.of(value.defined(subject))
  local rounded = ROUND[text.bytes(call.text(method, "common"))]
  if not its_number or not rounded then mistake.raise "cannot be rounded" end
  if not is_float and rounded == half_even then return its_number end
  local places = call.integer(precision, 0)
  if rounded == half_even and places > 0 then return number.float(tonumber(("%." .. math.min(places, 99) .. "f"):format(its_number))) end
  return number.float(rounded(its_number * 10 ^ places) / 10 ^ places)
end

local function sum(subject, attribute, start)
  local get, total = getter(attribute), start == nil and 0 or start
  effort.spend(value.length(subject) or 0)
  for _, each in ipairs(value.each(subject)) do
    total = number.calculate("+", total, value.defined(get(each))) or mistake.raise "only numbers can be summed"
  end
  return total
end

local function attr(subject, name) return access.attribute(subject, text.bytes(call.text(name))) end

--- The filters, by name: each takes what is filtered, and the arguments.
---@type table<string, fun(subject: any, arguments: ogl.jinja.Arguments): any>
M.filters = {
  default = call.declare("default_value boolean", default), d = call.declare("default_value boolean", default),
  length = call.declare("", length), count = call.declare("", length), list = call.declare("", list),
  first = call.declare("", first), last = call.declare("", last), reverse = call.declare("", reverse),
  join = call.declare("d attribute", join), items = call.declare("", items),
  sort = call.declare("reverse case_sensitive attribute", sort), dictsort = call.declare("case_sensitive by reverse", dictsort),
  unique = call.declare("case_sensitive attribute", unique), groupby = call.declare("attribute default case_sensitive", groupby),
  min = call.declare("case_sensitive attribute", extreme(value.less)),
  max = call.declare("case_sensitive attribute", extreme(function(a, b) return value.less(b, a) end)),
  batch = call.declare("linecount fill_with", batch), attr = call.declare("name", attr),
  select = select(true), reject = select(false), selectattr = select_by_attribute(true), rejectattr = select_by_attribute(false),
  map = map,
  int = call.declare("default base", to_integer), float = call.declare("default", to_float), abs = call.declare("", abs),
  round = call.declare("precision method", round), sum = call.declare("attribute start", sum),
}

return M
