// SPDX-License-Identifier: MIT
#include "symbols/rust_v0.h"

#include "symbols/rust_name_cursor.h"
#include "util/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace forkmon {
namespace {

constexpr int max_depth = 128;
constexpr std::uint64_t max_bound_lifetimes = 32;

std::string_view basic_type(char tag) {
  constexpr std::pair<char, std::string_view> types[] = {
      {'a', "i8"},   {'b', "bool"},  {'c', "char"},  {'d', "f64"}, {'e', "str"}, {'f', "f32"},
      {'h', "u8"},   {'i', "isize"}, {'j', "usize"}, {'l', "i32"}, {'m', "u32"}, {'n', "i128"},
      {'o', "u128"}, {'p', "_"},     {'s', "i16"},   {'t', "u16"}, {'u', "()"},  {'v', "..."},
      {'x', "i64"},  {'y', "u64"},   {'z', "!"}};
  const auto* found = std::ranges::find(types, tag, &std::pair<char, std::string_view>::first);
  return found == std::end(types) ? std::string_view() : found->second;
}

/// Reads the name from left to right, and writes the text as it goes. All loops and calls end when
/// the name makes no sense, or the text is long enough.
class Reader {
public:
  Reader(std::string_view name, std::size_t max_bytes) : in_(name), max_bytes_(max_bytes) {}

  std::optional<std::string> run() {
    path(Context::value);
    if (is_full())
      return std::move(text_);
    if (is_upper(in_.peek())) // the crate that a generic function was compiled in
      unseen([this] { path(Context::value); });
    // A compiler may add a suffix, such as ".llvm.1234".
    const char rest = in_.peek();
    if (in_.failed() || (rest != '\0' && rest != '.' && rest != '$'))
      return std::nullopt;
    return std::move(text_);
  }

private:
  enum class Context { value, type };

  bool is_full() const { return text_.size() >= max_bytes_; }
  bool is_over() const { return in_.failed() || is_full(); }
  void print(std::string_view text) {
    if (unseen_ == 0 && !is_over())
      text_ += text.substr(0, max_bytes_ - text_.size());
  }

  /// Calls `read` where an earlier part of the name stands in for this one.
  template <typename Read>
  void back_reference(const Read& read) {
    const std::size_t here = in_.position() - 1;
    const std::uint64_t target = in_.base62();
    if (in_.failed() || target >= here) {
      in_.fail();
      return;
    }
    if (unseen_ > 0)
      return;
    const std::size_t after = in_.position();
    in_.move_to(target);
    read();
    in_.move_to(after);
  }

  /// Counts how deep the calls are nested.
  class Level {
  public:
    explicit Level(Reader& reader) : reader_(reader) {
      if (++reader_.depth_ > max_depth)
        reader_.in_.fail();
    }
    ~Level() { reader_.depth_--; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

  private:
    Reader& reader_;
  };

  void path(Context context) {
    const Level level(*this);
    if (is_over())
      return;
    switch (in_.next()) {
    case 'C':
      in_.optional_base62('s');
      print(in_.identifier());
      return;
    case 'N':
      return nested_path(context);
    case 'M':
      impl_path();
      return qualified_type(false);
    case 'X':
      impl_path();
      return qualified_type(true);
    case 'Y':
      return qualified_type(true);
    case 'I':
      path(context);
      print(context == Context::value ? "::<" : "<");
      list([this] { generic_argument(); });
      return print(">");
    case 'B':
      return back_reference([this, context] { path(context); });
    default:
      in_.fail();
    }
  }

  /// Of the compiler's own functions the kind is in the name: "{closure#0}".
  void nested_path(Context context) {
    const char kind = in_.next();
    path(context);
    const std::uint64_t number = in_.optional_base62('s');
    const auto name = in_.identifier();
    if (is_lower(kind)) {
      if (!name.empty())
        print(fmt::format("::{}", name));
      return;
    }
    const std::string of_kind = kind == 'C'   ? "closure"
                                : kind == 'S' ? "shim"
                                              : std::string(1, kind);
    print(fmt::format("::{{{}{}{}#{}}}", of_kind, name.empty() ? "" : ":", name, number));
  }

  template <typename Read>
  void unseen(const Read& read) {
    unseen_++;
    read();
    unseen_--;
  }

  /// Where an impl block stands.
  void impl_path() {
    unseen([this] {
      in_.optional_base62('s');
      path(Context::value);
    });
  }

  void qualified_type(bool has_trait) {
    print("<");
    type();
    if (has_trait) {
      print(" as ");
      path(Context::type);
    }
    print(">");
  }

  /// Items up to an 'E'; how many.
  template <typename Item>
  int list(const Item& item) {
    int count = 0;
    for (; !is_over() && !in_.take('E'); count++) {
      if (count > 0)
        print(", ");
      item();
    }
    return count;
  }

  void generic_argument() {
    if (in_.take('L'))
      lifetime(in_.base62());
    else if (in_.take('K'))
      constant();
    else
      type();
  }

  /// By how many binders ago it was introduced; 0: it has no name.
  void lifetime(std::uint64_t index) {
    if (index == 0)
      return print("'_");
    if (index > bound_lifetimes_) {
      in_.fail();
      return;
    }
    const std::uint64_t number = bound_lifetimes_ - index;
    if (number < 26)
      print(fmt::format("'{}", static_cast<char>('a' + number)));
    else
      print(fmt::format("'_{}", number));
  }

  /// "for<'a, 'b> ", and what is in its scope.
  template <typename Body>
  void in_binder(const Body& body) {
    const std::uint64_t count = in_.optional_base62('G');
    if (count > max_bound_lifetimes) {
      in_.fail();
      return;
    }
    if (count > 0)
      print("for<");
    for (std::uint64_t i = 0; i < count; i++) {
      if (i > 0)
        print(", ");
      bound_lifetimes_++;
      lifetime(1);
    }
    if (count > 0)
      print("> ");
    body();
    bound_lifetimes_ -= count;
  }

  void type() {
    const Level level(*this);
    if (is_over())
      return;
    if (const auto basic = basic_type(in_.peek()); !basic.empty()) {
      in_.next();
      return print(basic);
    }
    switch (in_.peek()) {
    case 'A':
    case 'S':
      return array();
    case 'T':
      return tuple();
    case 'R':
    case 'Q':
    case 'P':
    case 'O':
      return pointer();
    case 'F':
      in_.next();
      return in_binder([this] { function_pointer(); });
    case 'D':
      return trait_object();
    case 'B':
      in_.next();
      return back_reference([this] { type(); });
    default:
      return path(Context::type);
    }
  }

  void array() {
    const bool has_length = in_.next() == 'A';
    print("[");
    type();
    if (has_length) {
      print("; ");
      constant();
    }
    print("]");
  }

  void tuple() {
    in_.next();
    print("(");
    print(list([this] { type(); }) == 1 ? ",)" : ")");
  }

  void pointer() {
    const char tag = in_.next();
    const bool is_reference = tag == 'R' || tag == 'Q';
    print(is_reference ? "&" : "*");
    if (is_reference && in_.take('L'))
      if (const std::uint64_t index = in_.base62(); index != 0) {
        lifetime(index);
        print(" ");
      }
    print(tag == 'P' ? "const " : tag == 'R' ? "" : "mut ");
    type();
  }

  void function_pointer() {
    if (in_.take('U'))
      print("unsafe ");
    if (in_.take('K'))
      foreign_convention();
    print("fn(");
    list([this] { type(); });
    print(")");
    if (in_.take('u')) // the unit type goes without saying
      return;
    print(" -> ");
    type();
  }

  void foreign_convention() {
    std::string name = in_.take('C') ? "C" : in_.identifier();
    std::ranges::replace(name, '_', '-');
    print(fmt::format("extern \"{}\" ", name));
  }

  void trait_object() {
    in_.next();
    print("dyn ");
    in_binder([this] {
      for (int count = 0; !is_over() && !in_.take('E'); count++) {
        if (count > 0)
          print(" + ");
        object_trait();
      }
    });
    if (!in_.take('L')) {
      in_.fail();
      return;
    }
    if (const std::uint64_t index = in_.base62(); index != 0) {
      print(" + ");
      lifetime(index);
    }
  }

  /// A trait with its associated types: they stand beside its own arguments.
  void object_trait() {
    bool is_open = trait_path();
    while (!is_over() && in_.take('p')) {
      print(is_open ? ", " : "<");
      is_open = true;
      print(in_.identifier());
      print(" = ");
      type();
    }
    if (is_open)
      print(">");
  }

  /// Leaves the list of arguments open; is there one?
  bool trait_path() {
    const Level level(*this);
    bool is_open = false;
    if (in_.take('B')) {
      back_reference([this, &is_open] { is_open = trait_path(); });
    } else if (in_.take('I')) {
      path(Context::type);
      print("<");
      list([this] { generic_argument(); });
      is_open = true;
    } else {
      path(Context::type);
    }
    return is_open;
  }

  void constant() {
    const Level level(*this);
    if (is_over())
      return;
    const char tag = in_.next();
    if (tag == 'p')
      return print("_");
    if (tag == 'B')
      return back_reference([this] { constant(); });
    constexpr std::string_view integers = "ahijlmnostxybc";
    if (integers.find(tag) == std::string_view::npos) {
      in_.fail();
      return;
    }
    if (in_.take('n'))
      print("-");
    number_constant(tag);
  }

  void number_constant(char type) {
    const auto digits = in_.hexadecimal();
    if (digits.size() > 16)
      return print(fmt::format("0x{}", digits));
    const auto value = digits.empty() ? 0 : parse_number<std::uint64_t>(digits, 16).value_or(0);
    if (type == 'b')
      return print(value != 0 ? "true" : "false");
    if (type == 'c' && value >= ' ' && value <= '~')
      return print(fmt::format("'{}'", static_cast<char>(value)));
    print(type == 'c' ? fmt::format("'\\u{{{:x}}}'", value) : fmt::format("{}", value));
  }

  RustNameCursor in_; ///< without the "_R", which back references do not count
  std::size_t max_bytes_;
  std::string text_;
  std::uint64_t bound_lifetimes_ = 0;
  int unseen_ = 0;
  int depth_ = 0;
};

} // namespace

std::optional<std::string> demangle_rust_v0(std::string_view name, std::size_t max_bytes) {
  if (!name.starts_with("_R") || name.size() < 3 || !is_upper(name[2]))
    return std::nullopt;
  return Reader(name.substr(2), max_bytes).run();
}

} // namespace forkmon
