-- The official test suite of JSON Schema, which Debian has in libtest-json-schema-acceptance-perl.
local helper = require "spec.helper"
local json = require "opengatellm.json"
local schema = require "opengatellm.schema"
local words = require "opengatellm.base.words"

local SUITE = "/usr/share/perl5/auto/share/dist/Test-JSON-Schema-Acceptance/tests/"

local META = "it refers to the metaschema, which is in another document"
local REMOTE = "it refers to another document"
local DYNAMIC = "it has $dynamicRef"

-- Files, and single groups, that are left out: why.
local LEFT_OUT = {
  ["draft2020-12"] = {
    ["dynamicRef.json"] = DYNAMIC, ["refRemote.json"] = REMOTE, ["vocabulary.json"] = "vocabularies stand in a metaschema",
    ["anchor.json: invalid anchors"] = META, ["defs.json: validate definition against metaschema"] = META,
    ["id.json: Invalid use of fragments in location-independent $id"] = META,
    ["id.json: Valid use of empty fragments in location-independent $id"] = META,
    ["id.json: Unnormalized $ids are allowed but discouraged"] = META,
    ["ref.json: remote ref, containing refs itself"] = META, ["ref.json: URN base URI with f-component"] = META,
    ["unevaluatedItems.json: unevaluatedItems with $dynamicRef"] = DYNAMIC,
    ["unevaluatedProperties.json: unevaluatedProperties with $dynamicRef"] = DYNAMIC,
  },
  draft7 = {
    ["refRemote.json"] = REMOTE, ["definitions.json: validate definition against metaschema"] = META,
    ["ref.json: remote ref, containing refs itself"] = META,
  },
}

-- Of the optional files, those that this validator promises to keep.
local OPTIONAL = words.list "bignum.json dependencies-compatibility.json float-overflow.json no-schema.json non-bmp-regex.json "
local OLD = "http://json-schema.org/draft-07/schema#" -- this suite's files for draft 7 do not say of which draft they are

local function names_in(folder)
  local pipe = assert(io.popen("ls " .. folder))
  local names = words.list(pipe:read "*a")
  pipe:close()
  return names
end

-- What a group's cases give otherwise than the suite says, each as one line.
local function mistakes(group, draft)
  local list, root = {}, group.schema
  if draft == "draft7" and type(root) == "table" and not root["$schema"] then root["$schema"] = OLD end
  for _, case in ipairs(group.tests) do
    local fits, errors = schema.validate(root, case.data)
    if (fits == true) ~= case.valid or errors and errors.kind then
      list[#list + 1] = ("%s: %s: expected %s, got %s"):format(group.description, case.description, tostring(case.valid), tostring(errors))
    end
  end
  return list, #group.tests
end

-- Runs a file; gives how many cases ran.
local function run(draft, name, left_out)
  local count, wrong = 0, {}
  for _, group in ipairs(assert(json.decode(helper.read(SUITE .. draft .. "/" .. name)))) do
    if not left_out[name .. ": " .. group.description] then
      local list, cases = mistakes(group, draft)
      count = count + cases
      for _, line in ipairs(list) do wrong[#wrong + 1] = line end
    end
  end
  assert.equal("", table.concat(wrong, "\n"))
  return count
end

describe("the official suite", function()
  local there = io.open(SUITE .. "draft2020-12/type.json")
  if not there then
    it("is not installed", function() pending "Debian's libtest-json-schema-acceptance-perl has it" end)
    return
  end
  there:close()
  local patterns = pcall(require, "rex_pcre2")

  for draft, least in pairs { ["draft2020-12"] = 1000, draft7 = 800 } do
    local left_out, total = LEFT_OUT[draft], 0
    for _, name in ipairs(names_in(SUITE .. draft .. "/*.json | xargs -n 1 basename")) do
      if not left_out[name] then
        it(draft .. " " .. name, function()
          if not patterns and helper.read(SUITE .. draft .. "/" .. name):find '"pattern' then pending "rex_pcre2 is not installed" end
          total = total + run(draft, name, left_out)
        end)
      end
    end
    for _, name in ipairs(OPTIONAL) do
      local there_too = io.open(SUITE .. draft .. "/optional/" .. name)
      if there_too then
        there_too:close()
        it(draft .. " optional " .. name, function()
          if name:find "regex" and not patterns then pending "rex_pcre2 is not installed" end
          total = total + run(draft, "optional/" .. name, left_out)
        end)
      end
    end
    it(draft .. " was run", function()
      if patterns then assert.is_true(total > least, total) end
    end)
  end
end)
