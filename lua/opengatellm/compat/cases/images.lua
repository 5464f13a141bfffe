--- Cases of models that draw. They cost more than all others, so they run only where they are asked for by name.
--
-- @module opengatellm.compat.cases.images
local media = require "opengatellm.request.media"
local picture = require "opengatellm.compat.picture"
local verdict = require "opengatellm.compat.verdict"

-- Judges the images of an answer.
local function judged(answer, err)
  if not answer then return verdict.of_error(err, true) end
  local image = answer.images[1]
  if #answer.images ~= 1 then return "fail", ("expected one image, got %d"):format(#answer.images) end
  if image.url then return verdict.of(not image.url:find "^https?://" and "its address is none" or nil, "an address") end
  local mime = media.sniff(image.data)
  return verdict.of(not mime and "its bytes are no image" or nil, ("%s, %d bytes"):format(tostring(mime), #image.data))
end

local function image_generation(target)
  return judged(target.client:images { model = target:model "images", prompt = "A purple square on white.", n = 1 })
end

local function image_edit(target)
  return judged(target.client:edit_images {
    model = target:model "images", prompt = "Make it green.", n = 1,
    image = { data = picture.bytes(), mime = "image/png", name = "square.png" },
  })
end

return {
  image_generation = { says = "an image is made of a description", needs = "images", is_costly = true, run = image_generation },
  image_edit = { says = "an image is changed by a description", needs = "images", is_costly = true, run = image_edit },
}
