#pragma once

#include <c10/core/Device.h>

#include <string>

namespace dermis {

// The device that "auto", "cpu" or "cuda" means here; auto takes a GPU when there is a driver. Throws Error(device),
// saying that `what` ("attention") cannot be timed, when its GPU cannot be used.
at::Device bench_device(const std::string& name, const std::string& what);

}  // namespace dermis
