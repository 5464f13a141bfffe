--- Patterns: regular expressions of ECMAScript, by PCRE.
--
-- nginx has `ngx.re`, elsewhere lrexlib's `rex_pcre2` is used where it is installed (Debian: lua-rex-pcre2). Without both, no pattern is
-- checked. A pattern may match anywhere in the text, which is UTF-8. What PCRE reads otherwise than ECMAScript is rewritten: `\s` knows
-- all of Unicode's blanks, `\v` is one character, `\p{Letter}` has a short name; `$` is the end alone, `[^]` any character.
--
-- @module opengatellm.schema.pattern
local M = {}

-- Blanks of ECMAScript that PCRE's \s does not know without its slow Unicode mode.
local BLANKS = "\\s\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"

local CATEGORIES = {
  Letter = "L", Cased_Letter = "L&", Uppercase_Letter = "Lu", Lowercase_Letter = "Ll", Titlecase_Letter = "Lt", Modifier_Letter = "Lm",
  Other_Letter = "Lo", Mark = "M", Nonspacing_Mark = "Mn", Spacing_Mark = "Mc", Enclosing_Mark = "Me", Number = "N", Decimal_Number = "Nd",
  digit = "Nd", Letter_Number = "Nl", Other_Number = "No", Punctuation = "P", punct = "P", Connector_Punctuation = "Pc",
  Dash_Punctuation = "Pd", Open_Punctuation = "Ps", Close_Punctuation = "Pe", Initial_Punctuation = "Pi", Final_Punctuation = "Pf",
  Other_Punctuation = "Po", Symbol = "S", Math_Symbol = "Sm", Currency_Symbol = "Sc", Modifier_Symbol = "Sk", Other_Symbol = "So",
  Separator = "Z", Space_Separator = "Zs", Line_Separator = "Zl", Paragraph_Separator = "Zp", Other = "C", Control = "Cc", cntrl = "Cc",
  Format = "Cf", Surrogate = "Cs", Private_Use = "Co", Unassigned = "Cn",
}

-- \p{…}: a category by its long name, or a script.
local function property(letter, name)
  name = name:gsub("^[%a_]+=", "")
  return ("\\%s{%s}"):format(letter, CATEGORIES[name] or name)
end

-- An escape as PCRE writes it, and where it ends; nil where both write the same.
local function rewritten(text, at, in_class)
  local c = text:sub(at + 1, at + 1)
  if c == "s" then return in_class and BLANKS or "[" .. BLANKS .. "]", at + 2 end
  if c == "S" and not in_class then return "[^" .. BLANKS .. "]", at + 2 end
  if c == "v" then return "\\x0b", at + 2 end
  local letter, name, after = text:match("^([pP]){([%w_=]+)}()", at + 1)
  if letter then return property(letter, name), after end
  local hex, behind = text:match("^u{(%x+)}()", at + 1)
  if hex then return "\\x{" .. hex .. "}", behind end
  local high, low, past = text:match("^u([dD][89abAB]%x%x)\\u([dD][c-fC-F]%x%x)()", at + 1) -- one character as UTF-16 writes it
  if high then
    local point = 0x10000 + (tonumber(high, 16) - 0xd800) * 0x400 + tonumber(low, 16) - 0xdc00
    return ("\\x{%x}"):format(point), past
  end
  hex, behind = text:match("^u(%x%x%x%x)()", at + 1)
  if hex then return "\\x{" .. hex .. "}", behind end
end

-- The place of the next character that may have to be rewritten.
local NEXT = "[\\%[%]$]"

--- Rewrites a pattern of ECMAScript for PCRE.
---@param text string
---@return string
function M.translated(text)
  local out, from, in_class = {}, 1, false
  while true do
    local at = text:find(NEXT, from)
    if not at then break end
    out[#out + 1] = text:sub(from, at - 1)
    local c, instead, behind = text:sub(at, at), nil, nil
    if c == "\\" then
      instead, behind = rewritten(text, at, in_class)
      instead, behind = instead or text:sub(at, at + 1), behind or at + 2
    elseif c == "[" and not in_class and text:find("^%[%^?%]", at) then
      instead, behind = text:find("^%[%]", at) and "(?!)" or "[\\s\\S]", text:find("]", at, true) + 1
    elseif c == "$" and not in_class then
      instead = "\\z"
    elseif c == "[" then
      instead, in_class = in_class and "\\[" or c, true
    elseif c == "]" then
      in_class = false
    end
    out[#out + 1], from = instead or c, behind or at + 1
  end
  return table.concat(out) .. text:sub(from)
end

-- Engines -----------------------------------------------------------------------------------------------------------

local function of_nginx(text)
  local ngx = rawget(_G, "ngx")
  local find = type(ngx) == "table" and ngx.re and ngx.re.find
  if not find then return nil end
  local _, _, problem = find("", text, "jou")
  if problem then return false, problem end
  return function(subject)
    local from, _, err = find(subject, text, "jou")
    if err then return nil, err end
    return from ~= nil
  end
end

local function of_rex(text)
  local found, rex = pcall(require, "rex_pcre2")
  if not found then return nil end
  local fine, compiled = pcall(rex.new, text, rex.flags().UTF)
  if not fine then return false, (tostring(compiled):gsub("^.-:%d+: ", "")) end
  return function(subject)
    local went, from = pcall(compiled.find, compiled, subject)
    if not went then return nil, tostring(from) end
    return from ~= nil
  end
end

--- Compiles a pattern. The function that it gives returns nil and a message where a match takes too long, or the text is not UTF-8.
---@param text string
---@return (fun(subject: string): boolean?, string?)|false|nil matches false where the engine refuses the pattern; nil where there is none
---@return string? problem
function M.compile(text)
  local translated = M.translated(text)
  local matches, problem = of_nginx(translated)
  if matches == nil then return of_rex(translated) end
  return matches, problem
end

return M
