#include "benchmarks/contest/accuracy.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace dermis {

double relative_error(const std::vector<at::Tensor>& found, const std::vector<at::Tensor>& expected) {
  double worst = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const double largest = std::max(expected[i].abs().max().item<double>(), 1e-30);
    const double error = (found[i].to(at::kFloat) - expected[i]).abs().max().item<double>() / largest;
    if (std::isnan(error)) return error;
    worst = std::max(worst, error);
  }
  return worst;
}

std::string failure_of(const std::function<void()>& step) {
  const auto first_line = [](const std::string& text) { return text.substr(0, text.find('\n')); };
  try {
    step();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    const ErrorInfo& info = error.info();
    return first_line(info.found.empty() ? info.what : info.what + ": " + info.found);
  } catch (const c10::Error& error) {
    return first_line(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return first_line(error.what());
  }
  return {};
}

}  // namespace dermis
