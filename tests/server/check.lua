--- Checks: what pydantic does for OGL: reads a body, a query or a form by a list of fields, or refuses it with a 422.
--
-- A field is `{ name, kind, … }`. Kinds: string, integer, number, boolean, enum (`values`), list (`of`, a field
-- without a name), object (`fields`, if its inside matters: a list, or a function of the object that gives one),
-- any. Further keys: `required`; `null` (null counts as absent, or, if it is "keep", for itself); `default`; `min`,
-- `max` (of a number; of the length of a string or a list), `above` (exclusive); `trim`; `check(value)`, which gives
-- the words of a complaint or nil. Fields that are not listed pass as they are: OGL accepts and ignores them.
--
-- All complaints of a request come in one answer, in the order of the fields. Texts that are numbers or booleans
-- pass for such, as they do in queries and forms (and, as in pydantic, in bodies).

local cjson = require "cjson.safe"
local http = require "server.http"
local json = require "server.json"
local refusal = require "server.refusal"

local check = {}

-- Complaints --------------------------------------------------------------------------------------------------------

local Checker = {}
Checker.__index = Checker

local function new_checker()
  return setmetatable({ problems = {} }, Checker)
end

function Checker:complain(kind, loc, words, input, context)
  self.problems[#self.problems + 1] = json.record("type", kind, "loc", json.list(loc), "msg", words, "input", input,
    context and "ctx" or nil, context)
end

function Checker:finish()
  if #self.problems > 0 then refusal.invalid(self.problems) end
end

local function longer(loc, last)
  local all = table.move(loc, 1, #loc, 1, {})
  all[#all + 1] = last
  return all
end

local function plural(count, word)
  return ("%d %s%s"):format(count, word, count == 1 and "" or "s")
end

-- The kinds ---------------------------------------------------------------------------------------------------------

local READERS = {}

function READERS.any(_, input)
  return input
end

function READERS.string(checker, input, field, loc)
  if type(input) ~= "string" then
    return checker:complain("string_type", loc, "Input should be a valid string", input)
  end
  if field.trim then input = input:match("^%s*(.-)%s*$") end
  local length = utf8.len(input) or #input
  if field.min and length < field.min then
    checker:complain("string_too_short", loc, "String should have at least " .. plural(field.min, "character"), input,
      json.record("min_length", field.min))
  elseif field.max and length > field.max then
    checker:complain("string_too_long", loc, "String should have at most " .. plural(field.max, "character"), input,
      json.record("max_length", field.max))
  end
  return input
end

-- What a number must be, in the order in which pydantic looks.
local BOUNDS = {
  { "above", "greater_than", "gt", "greater than", function(number, bound) return number > bound end },
  { "min", "greater_than_equal", "ge", "greater than or equal to", function(number, bound) return number >= bound end },
  { "max", "less_than_equal", "le", "less than or equal to", function(number, bound) return number <= bound end },
}

local function check_bounds(checker, number, field, loc, input)
  for _, row in ipairs(BOUNDS) do
    local bound = field[row[1]]
    if bound and not row[5](number, bound) then
      checker:complain(row[2], loc, ("Input should be %s %s"):format(row[4], bound), input, json.record(row[3], bound))
      return
    end
  end
end

--- Words of the complaint for what is no number: another one for a text that cannot be read.
local function complain_number(checker, input, loc, kind, noun)
  if type(input) == "string" then
    return checker:complain(kind .. "_parsing", loc,
      ("Input should be a valid %s, unable to parse string as %s %s"):format(noun, noun == "integer" and "an" or "a",
        noun), input)
  end
  checker:complain(kind .. "_type", loc, "Input should be a valid " .. noun, input)
end

function READERS.integer(checker, input, field, loc)
  local number = type(input) ~= "table" and type(input) ~= "boolean" and tonumber(input)
  number = number and math.tointeger(number)
  if not number then return complain_number(checker, input, loc, "int", "integer") end
  check_bounds(checker, number, field, loc, input)
  return number
end

function READERS.number(checker, input, field, loc)
  local number = type(input) ~= "table" and type(input) ~= "boolean" and tonumber(input)
  if not number then return complain_number(checker, input, loc, "float", "number") end
  check_bounds(checker, number, field, loc, input)
  return number
end

local BOOLEANS = {
  ["true"] = true, ["1"] = true, yes = true, on = true, t = true, y = true,
  ["false"] = false, ["0"] = false, no = false, off = false, f = false, n = false,
}

function READERS.boolean(checker, input, _, loc)
  if type(input) == "boolean" then return input end
  local value = BOOLEANS[tostring(input):lower()]
  if value ~= nil then return value end
  checker:complain("bool_parsing", loc, "Input should be a valid boolean, unable to interpret input", input)
end

--- `'a', 'b' or 'c'`
local function expected(values)
  local quoted = {}
  for position, value in ipairs(values) do quoted[position] = "'" .. value .. "'" end
  local last = table.remove(quoted)
  return #quoted > 0 and table.concat(quoted, ", ") .. " or " .. last or last
end

function READERS.enum(checker, input, field, loc)
  for _, value in ipairs(field.values) do
    if value == input then return input end
  end
  local words = expected(field.values)
  checker:complain("enum", loc, "Input should be " .. words, input, json.record("expected", words))
end

local function check_length(checker, list, field, loc)
  local short = field.min and #list < field.min
  if not short and not (field.max and #list > field.max) then return end
  local bound = short and field.min or field.max
  checker:complain(short and "too_short" or "too_long", loc,
    ("List should have at %s %s after validation, not %d"):format(short and "least" or "most", plural(bound, "item"),
      #list), json.list(list),
    json.record("field_type", "List", short and "min_length" or "max_length", bound, "actual_length", #list))
end

function READERS.list(checker, input, field, loc)
  if type(input) ~= "table" or (next(input) ~= nil and input[1] == nil) then
    return checker:complain("list_type", loc, "Input should be a valid list", input)
  end
  local values = {}
  for position, item in ipairs(input) do
    values[position] = checker:value(field.of, item, longer(loc, position - 1))
  end
  check_length(checker, input, field, loc)
  return values
end

function READERS.object(checker, input, field, loc)
  if type(input) ~= "table" or input[1] ~= nil then
    return checker:complain("dict_type", loc, "Input should be a valid dictionary", input)
  end
  local fields = field.fields
  if type(fields) == "function" then fields = fields(input) end
  return fields and checker:fields(fields, input, loc) or input
end

-- Fields ------------------------------------------------------------------------------------------------------------

--- The value of one field from its input, which is there.
function Checker:value(field, input, loc)
  local before = #self.problems
  local value = READERS[field[2]](self, input, field, loc)
  local words = field.check and #self.problems == before and field.check(value)
  if words then
    self:complain("value_error", loc, "Value error, " .. words, input, json.record("error", {}))
  end
  return value
end

--- The values of a table by its list of fields, and whatever else it holds. `whole` is what a missing field's
--- complaint shows; the table itself unless given.
function Checker:fields(fields, values, loc, whole)
  local found = {}
  for name, value in pairs(values) do found[name] = value end
  for _, field in ipairs(fields) do
    local name, input = field[1], values[field[1]]
    if input == nil or (input == json.null and field.null) then
      found[name] = field.default
      if field.null == "keep" then found[name] = input end
      if field.required then
        self:complain("missing", longer(loc, name), "Field required", whole == nil and values or whole)
      end
    else
      found[name] = self:value(field, input, longer(loc, name))
    end
  end
  return found
end

-- Requests ----------------------------------------------------------------------------------------------------------

--- `a=1&b=2&a=3` as a list of { name, value }.
function check.pairs_of(text)
  local list = {}
  for name, value in text:gmatch("([^&=]+)=?([^&]*)") do
    list[#list + 1] = { http.unescape((name:gsub("+", " "))), http.unescape((value:gsub("+", " "))) }
  end
  return list
end

--- Pairs as a table by the fields: a list for a field that is one, else the last value of each name.
function check.gather(list, fields)
  local lists, values = {}, {}
  for _, field in ipairs(fields) do lists[field[1]] = field[2] == "list" end
  for _, pair in ipairs(list) do
    local name, value = pair[1], pair[2]
    if lists[name] then
      values[name] = values[name] or {}
      table.insert(values[name], value)
    else
      values[name] = value
    end
  end
  return values
end

--- A decoded body by its fields.
function check.values(values, fields)
  local checker = new_checker()
  local found = checker:fields(fields, values, { "body" })
  checker:finish()
  return found
end

--- The object in the body of a request, which is JSON.
function check.object(request)
  local checker = new_checker()
  local body, problem = cjson.decode(request.body)
  if request.body == "" then
    checker:complain("missing", { "body" }, "Field required", json.null)
  elseif body == nil then
    checker:complain("json_invalid", { "body", 0 }, "JSON decode error", {}, json.record("error", problem))
  end
  checker:finish()
  body = checker:value({ nil, "object" }, body, { "body" })
  checker:finish()
  return body
end

--- The body of a request by its fields.
function check.body(request, fields)
  return check.values(check.object(request), fields)
end

--- The query of a request by its fields.
function check.query(request, fields)
  local checker = new_checker()
  local values = checker:fields(fields, check.gather(check.pairs_of(request.query), fields), { "query" }, json.null)
  checker:finish()
  return values
end

--- The values of a form (multipart.lua) by its fields.
function check.form(values, fields)
  local checker = new_checker()
  local found = checker:fields(fields, values, { "body" }, json.null)
  checker:finish()
  return found
end

--- For `check` of a field: complains of a time that has come.
function check.in_future(time)
  return time <= os.time() and "Wrong timestamp, must be in the future." or nil
end

--- One complaint, at once.
function check.fail(kind, loc, words, input, context)
  local checker = new_checker()
  checker:complain(kind, loc, words, input, context)
  checker:finish()
end

--- Paging and sorting, as all lists have them. `names` are those of the two sort parameters, `sorts` what may be
--- sorted by, `more` the fields of this list alone. Gives the values, with `sort` and `order` among them.
function check.page(request, names, sorts, more)
  local fields = {
    { "offset", "integer", default = 0, min = 0 }, { "limit", "integer", default = 10, min = 1, max = 100 },
    { names[1], "enum", values = sorts, default = "id" }, { names[2], "enum", values = { "asc", "desc" }, default = "asc" },
  }
  table.move(more or {}, 1, #(more or {}), #fields + 1, fields)
  local values = check.query(request, fields)
  values.sort, values.order = values[names[1]], values[names[2]]
  return values
end

return check
