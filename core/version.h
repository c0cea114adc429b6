// Which dermis this is.
#pragma once

namespace dermis {

const char* version();  // "0.1.0"
const char* commit();   // short git commit at build time, "-dirty" behind it for changed sources, "unknown" without git

}  // namespace dermis
