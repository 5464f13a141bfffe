--- Bodies: the header lines of HTTP, and the body that follows them, piece by piece.
--
-- `headers(conn)` reads up to the empty line; `pieces(conn, headers)` is an iterator over the body, whole or in HTTP
-- chunks, which reads as it is asked and keeps nothing. The client is believed: no ceilings.

local body = {}

--- Lower-case name → value, repeats joined with a comma; and every header in order, as it came.
function body.headers(conn)
  local headers, list = {}, {}
  for line in function() return conn:line() end do
    if line == "" then break end
    local name, value = line:match("^([^:]*):%s*(.-)%s*$")
    if name then
      list[#list + 1] = { name, value }
      name = name:lower()
      headers[name] = headers[name] and headers[name] .. ", " .. value or value
    end
  end
  return headers, list
end

local function of_chunks(conn)
  local left, ended = 0, false
  return function()
    if ended then return nil end
    if left == 0 then
      left = tonumber(conn:line():match("^%x+") or "0", 16)
      ended = left == 0
      if ended then
        body.headers(conn) -- the trailer
        return nil
      end
    end
    local piece = conn:some(left)
    left = left - #piece
    if left == 0 then conn:line() end -- the CRLF that ends a chunk
    return piece
  end
end

local function of_length(conn, left)
  return function()
    if left == 0 then return nil end
    local piece = conn:some(left)
    left = left - #piece
    return piece
  end
end

--- An iterator over the body. Who waits for `100 Continue` is told to go on.
function body.pieces(conn, headers)
  if (headers["expect"] or ""):lower() == "100-continue" then
    conn:send_raw("HTTP/1.1 100 Continue\r\n\r\n")
  end
  if (headers["transfer-encoding"] or ""):lower():find("chunked", 1, true) then return of_chunks(conn) end
  return of_length(conn, tonumber(headers["content-length"] or "0"))
end

--- The whole body.
function body.whole(conn, headers)
  local pieces = {}
  for piece in body.pieces(conn, headers) do pieces[#pieces + 1] = piece end
  return table.concat(pieces)
end

return body
