-- Finds links of pages that lead nowhere: to a file that is not there, or to a heading that its page does not have.
--
--   lua5.4 .ci/links.lua PAGE…     prints each dead link as `page:line: target: why`, and fails where there is one
--
-- Links to other machines are not followed: a page may not fail because a server rests. Code, in a line or in a block, holds no links.

-- The anchor that a heading gets where pages are shown: small letters and digits, `-` for a blank, without other ASCII signs.
local function anchor_of(heading)
  local text = heading:gsub("%[(.-)%]%(.-%)", "%1"):gsub("\u{2026}", "")
  return (text:lower():gsub("[^%w%-_ \x80-\xFF]", ""):gsub(" ", "-"))
end

-- The lines of a page outside of its blocks, with their numbers.
local function lines_of(path)
  local list, in_block, number = {}, false, 0
  for line in io.lines(path) do
    number = number + 1
    if line:find "^%s*```" then in_block = not in_block
    elseif not in_block then list[#list + 1] = { number = number, text = line } end
  end
  return list
end

local known = {}

-- The set of a page's anchors. A heading that comes again has -1, -2, … behind it.
local function anchors_of(path)
  if known[path] then return known[path] end
  local set, times = {}, {}
  for _, line in ipairs(lines_of(path)) do
    local heading = line.text:match "^#+%s+(.-)%s*$"
    if heading then
      local anchor = anchor_of(heading)
      set[times[anchor] and anchor .. "-" .. times[anchor] or anchor] = true
      times[anchor] = (times[anchor] or 0) + 1
    end
  end
  known[path] = set
  return set
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

-- Why a link is dead; nil where it leads somewhere, or to another machine.
local function why_dead(page, target)
  if target:find "^%a[%w+.-]*:" then return nil end
  local path, anchor = target:match "^([^#]*)#?(.*)$"
  local file = path == "" and page or (page:match "^.*/" or "") .. path
  if not exists(file) then return "there is no such file" end
  if anchor ~= "" and not anchors_of(file)[anchor] then return "there is no such heading" end
end

-- The targets of a line: of [text](target), with a title behind it or not, and of [name]: target.
local function targets_of(line)
  local code_free, list = line:gsub("``.-``", ""):gsub("`[^`]*`", "code"), {}
  for target in code_free:gmatch "%]%(<?([^%s()<>]+)>?[^()]*%)" do list[#list + 1] = target end
  list[#list + 1] = code_free:match "^%[[^%]]+%]:%s*(%S+)"
  return list
end

local failed = false
for _, page in ipairs(arg) do
  for _, line in ipairs(lines_of(page)) do
    for _, target in ipairs(targets_of(line.text)) do
      local why = why_dead(page, target)
      if why then
        failed = true
        print(("%s:%d: %s: %s"):format(page, line.number, target, why))
      end
    end
  end
end
os.exit(not failed)
