--- A picture whose one colour a model that sees can name: 64 by 64 points, as a PNG of 87 bytes.
--
-- @module opengatellm.compat.picture
local core = require "opengatellm.core"

local BYTES = [[
iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAQMAAACQp+OdAAAAA1BMVEWAAICr96V6AAAAD0lEQVR42mNgGAWjgHwAAAJAAAHgTR1EAAAAAElFTkSuQmCC]]

local M = {
  --- Its colour.
  COLOUR = "purple",
  --- The colours that a model may choose from.
  COLOURS = "red, orange, yellow, green, blue, purple, black, white",
}

--- Gives the bytes of the picture.
---@return string
function M.bytes() return (core.base64_decode(BYTES)) end

return M
