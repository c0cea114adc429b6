#include "tests/ptx/program.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>
#include <map>
#include <optional>
#include <stdexcept>

#include "tests/ptx/operations.h"

namespace dermis::ptx {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Up to the first of `ends`; `text` then begins behind it.
std::string_view take(std::string_view& text, std::string_view ends) {
  const size_t end = text.find_first_of(ends);
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return taken;
}

std::string without_comments(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    std::string_view line = take(text, "\n");
    kept += line.substr(0, line.find("//"));
    kept += '\n';
  }
  return kept;
}

// Operands as the text has them: those of lists one by one, "a|b" as two, "[address + offset]" as the address.
struct Operand {
  std::string_view text;
  int64_t offset = 0;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(without_comments(text)) {}

  Kernel parse() {
    const size_t body = text_.find('{');
    parse_head(std::string_view(text_).substr(0, body));
    std::string_view rest = std::string_view(text_).substr(body + 1);
    for (rest = rest.substr(0, rest.rfind('}')); !trimmed(rest).empty();) parse_statement(trimmed(take(rest, ";")));
    for (const auto& [instruction, label] : jumps_) {
      const auto found = labels_.find(label);
      if (found == labels_.end()) fail("no such label", label);
      kernel_.code[instruction].target = found->second;
    }
    return std::move(kernel_);
  }

 private:
  [[noreturn]] static void fail(std::string_view what, std::string_view where) {
    throw std::runtime_error(fmt::format("PTX that is not understood: {}: '{}'", what, where));
  }

  template <class T = int64_t>
  static T integer(std::string_view text, int base = 10) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size()) fail("not a number", text);
    return value;
  }

  // .visible .entry NAME(.param .align 8 .b8 NAME_param_0[168]) .maxntid 128, 1, 1
  void parse_head(std::string_view head) {
    head.remove_prefix(head.find(".entry") + 6);
    kernel_.name = trimmed(take(head, "("));
    std::string_view params = take(head, ")");
    if (params.find(',') != std::string_view::npos) fail("more than one parameter", params);
    params = trimmed(params);
    if (const size_t size = params.find('['); size != std::string_view::npos) {
      param_ = params.substr(params.find_last_of(kBlank) + 1);
      param_ = param_.substr(0, param_.find('['));
      kernel_.param_bytes = integer<uint32_t>(params.substr(size + 1, params.find(']') - size - 1));
    }
    if (const size_t threads = head.find(".maxntid"); threads != std::string_view::npos) {
      head.remove_prefix(threads + 8);
      kernel_.most_threads = integer<uint32_t>(trimmed(take(head, ",")));
    }
  }

  void parse_statement(std::string_view statement) {
    while (statement.substr(0, 1) == "$") {
      labels_[std::string(trimmed(take(statement, ":")))] = static_cast<uint32_t>(kernel_.code.size());
      statement = trimmed(statement);
    }
    if (statement.empty() || statement.substr(0, 7) == ".pragma") return;
    if (statement.substr(0, 4) == ".reg") return declare(statement);
    if (statement[0] == '.' || statement[0] == '{') fail("a declaration", statement);
    parse_instruction(statement);
  }

  // .reg .b32 %r<20>
  void declare(std::string_view statement) {
    const size_t percent = statement.find('%'), open = statement.find('<');
    if (percent == std::string_view::npos || open == std::string_view::npos) fail("a declaration", statement);
    const auto count = integer<uint32_t>(statement.substr(open + 1, statement.find('>') - open - 1));
    firsts_[std::string(statement.substr(percent + 1, open - percent - 1))] = {kernel_.registers, count};
    kernel_.registers += count;
  }

  void parse_instruction(std::string_view statement) {
    Instruction instruction;
    instruction.line = static_cast<uint32_t>(kernel_.lines.size());
    kernel_.lines.emplace_back(statement);
    std::string_view rest = statement;
    if (rest[0] == '@') {
      std::string_view guard = take(rest, kBlank).substr(1);
      instruction.guarded = true;
      instruction.guard_negated = guard[0] == '!';
      instruction.guard = register_of(guard.substr(instruction.guard_negated ? 1 : 0));
      rest = trimmed(rest);
    }
    std::string name(take(rest, kBlank));
    rest = trimmed(rest);
    if (name.substr(0, 4) == "mov." && rest.find('{') != std::string_view::npos)
      name += rest[0] == '{' ? ".part" : ".join";
    if (name == "bra" || name == "bra.uni") {
      instruction.flow = Flow::branch;
      jumps_.emplace_back(kernel_.code.size(), std::string(rest));
    } else if (name == "ret" || name == "exit") {
      instruction.flow = Flow::leave;
    } else {
      const Operation operation = operation_named(name);
      if (operation.execute == nullptr) fail("an operation", statement);
      instruction.execute = operation.execute;
      instruction.flow = operation.flow;
      instruction.space = operation.space;
      place_operands(instruction, operation, operands_of(rest), name, statement);
    }
    kernel_.code.push_back(instruction);
  }

  static std::vector<Operand> operands_of(std::string_view text) {
    std::vector<Operand> operands;
    while (!trimmed(text).empty()) {
      std::string_view operand = trimmed(take(text, ",|"));
      while (!operand.empty() && (operand[0] == '{' || operand[0] == '[')) operand = trimmed(operand.substr(1));
      while (!operand.empty() && (operand.back() == '}' || operand.back() == ']'))
        operand = trimmed(operand.substr(0, operand.size() - 1));
      const size_t plus = operand.find('+');
      if (plus == std::string_view::npos)
        operands.push_back({operand, 0});
      else
        operands.push_back({trimmed(operand.substr(0, plus)), integer(trimmed(operand.substr(plus + 1)))});
    }
    return operands;
  }

  void place_operands(Instruction& instruction, const Operation& operation, const std::vector<Operand>& operands,
                      std::string_view name, std::string_view statement) {
    if (name == "cp.async.wait_group") {
      instruction.number = integer(operands.at(0).text);
      return;
    }
    // A shuffle may leave its second result out, a copy the bytes that are valid.
    size_t outs = static_cast<size_t>(operation.outs), ins = static_cast<size_t>(operation.ins);
    if (name.substr(0, 5) == "shfl." && operands.size() + 1 == outs + ins) --outs;
    if (name.substr(0, 12) == "cp.async.cg." && operands.size() + 1 == ins) --ins;
    if (operands.size() != outs + ins) fail("the number of operands", statement);
    instruction.outs = static_cast<uint8_t>(outs);
    instruction.ins = static_cast<uint8_t>(ins);
    for (size_t k = 0; k < operands.size(); ++k) {
      const Operand& operand = operands[k];
      const bool is_out = k < outs;
      (is_out ? instruction.out[k] : instruction.in[k - outs]) =
          is_out ? register_of(operand.text) : value_of(operand.text);
      // The address of an access is its first operand that is read; a copy has a second one.
      if (operand.offset != 0) (k == outs ? instruction.offset : instruction.number) = operand.offset;
    }
  }

  uint16_t register_of(std::string_view name) {
    const size_t digits = name.find_first_of("0123456789");
    const auto found =
        name[0] == '%' && digits != std::string_view::npos ? firsts_.find(name.substr(1, digits - 1)) : firsts_.end();
    if (found == firsts_.end()) fail("not a register", name);
    const auto index = integer<uint32_t>(name.substr(digits));
    if (index >= found->second.second) fail("a register that is not declared", name);
    return numbered(found->second.first + index);
  }

  static uint16_t numbered(uint32_t index) {
    if (index > UINT16_MAX) throw std::runtime_error("PTX with more than 65,536 registers and constants");
    return static_cast<uint16_t>(index);
  }

  // A register that holds a constant, a special register, an address; or a register.
  uint16_t value_of(std::string_view text) {
    if (text.empty()) fail("an operand", text);
    if (const auto special = special_named(text); special.has_value()) {
      const auto [known, is_new] = specials_.try_emplace(*special, 0);
      if (is_new) kernel_.specials.emplace_back(known->second = new_register(), *special);
      return known->second;
    }
    if (text[0] == '%') return register_of(text);
    const uint64_t constant = constant_of(text);
    const auto [known, is_new] = constants_.try_emplace(constant, 0);
    if (is_new) kernel_.constants.emplace_back(known->second = new_register(), constant);
    return known->second;
  }

  uint16_t new_register() { return numbered(kernel_.registers++); }

  std::optional<Special> special_named(std::string_view text) const {
    static const std::map<std::string_view, Special> specials = {{"%tid.x", Special::thread_x},
                                                                 {"%ntid.x", Special::threads_x},
                                                                 {"%ctaid.x", Special::block_x},
                                                                 {"%ctaid.y", Special::block_y},
                                                                 {"%ctaid.z", Special::block_z},
                                                                 {"%nctaid.x", Special::blocks_x},
                                                                 {"%nctaid.y", Special::blocks_y},
                                                                 {"%nctaid.z", Special::blocks_z},
                                                                 {"%dynamic_smem_size", Special::shared_bytes}};
    if (const auto found = specials.find(text); found != specials.end()) return found->second;
    if (!param_.empty() && text == param_) return Special::params;
    // The one array of shared memory that kernels/machine/gpu.cuh declares.
    if (text.find("dermis_shared_memory") != std::string_view::npos) return Special::shared_base;
    return std::nullopt;
  }

  // 0f and 0d are followed by the bits of a float and a double; others are integers, which wrap.
  static uint64_t constant_of(std::string_view text) {
    const std::string_view begin = text.substr(0, 2);
    if (begin == "0f" || begin == "0d" || begin == "0x") return integer<uint64_t>(text.substr(2), 16);
    return text[0] == '-' ? static_cast<uint64_t>(integer(text)) : integer<uint64_t>(text);
  }

  std::string text_;
  Kernel kernel_;
  std::string_view param_;
  std::map<std::string, std::pair<uint32_t, uint32_t>, std::less<>> firsts_;  // registers of a name: first, count
  std::map<std::string, uint32_t> labels_;
  std::vector<std::pair<size_t, std::string>> jumps_;
  std::map<Special, uint16_t> specials_;
  std::map<uint64_t, uint16_t> constants_;
};

}  // namespace

std::vector<std::pair<std::string, std::string_view>> kernels_in(std::string_view text) {
  constexpr std::string_view kEntry = ".visible .entry ";
  std::vector<std::pair<std::string, std::string_view>> found;
  for (size_t at = text.find(kEntry); at != std::string_view::npos;) {
    const size_t next = text.find(kEntry, at + 1);
    const std::string_view part = text.substr(at, next == std::string_view::npos ? next : next - at);
    found.emplace_back(part.substr(kEntry.size(), part.find('(') - kEntry.size()), part);
    at = next;
  }
  return found;
}

Kernel parse_kernel(std::string_view text) { return Parser(text).parse(); }

Operation operation_named(std::string_view name) {
  for (const auto& lookup : {arithmetic_named, conversion_named, memory_named, warp_named, product_named})
    if (const Operation operation = lookup(name); operation.execute != nullptr) return operation;
  return {};
}

}  // namespace dermis::ptx
