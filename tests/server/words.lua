--- Words: how much two texts have in common, for whatever pretends to understand them.
--
-- A word is a run of letters, digits and bytes beyond ASCII, in small letters (of ASCII); each counts once.

local words = {}

--- The words of a text as a set, and their number.
function words.of(text)
  local set, count = {}, 0
  for word in text:lower():gmatch("[%w\x80-\xFF]+") do
    if not set[word] then set[word], count = true, count + 1 end
  end
  return set, count
end

--- How many words two sets share.
function words.shared(left, right)
  local count = 0
  for word in pairs(left) do
    if right[word] then count = count + 1 end
  end
  return count
end

return words
