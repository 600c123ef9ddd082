/// HTML that is safe by construction: what is interpolated is text and is escaped, unless it is
/// markup itself.
///
///     let cell: Markup = "<td>\(name)</td>"
///
/// Everything written is well-formed XML too, so that a parser can check it.
struct Markup: ExpressibleByStringInterpolation, Sendable {
  var text: String

  init(stringLiteral literal: String) { text = literal }
  init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }
  private init(trusted: String) { text = trusted }

  struct StringInterpolation: StringInterpolationProtocol {
    var text = ""
    init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }
    mutating func appendLiteral(_ literal: String) { text += literal }
    mutating func appendInterpolation(_ value: String) { text += Markup.escaped(value) }
    mutating func appendInterpolation(_ value: Int) { text += "\(value)" }
    mutating func appendInterpolation(_ markup: Markup) { text += markup.text }
    mutating func appendInterpolation(_ parts: [Markup]) { for part in parts { text += part.text } }
    mutating func appendInterpolation(_ markup: Markup?) { text += markup?.text ?? "" }
  }

  /// Programs and style sheets of this module; XML's reader takes what is inside as it is.
  static func program(_ code: String) -> Markup {
    precondition(!code.contains("]]>") && !code.contains("</"), "code that would end its element")
    return Markup(trusted: "/*<![CDATA[*/\n\(code)\n/*]]>*/")
  }

  /// Text for elements and quoted attributes. Characters that HTML does not allow, and those that turn
  /// the direction of writing beyond the text itself, become U+FFFD.
  static func escaped(_ value: String) -> String {
    var result = ""
    result.reserveCapacity(value.utf8.count)
    for scalar in value.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{202A}"..."\u{202E}",
        "\u{2066}"..."\u{2069}", "\u{2028}", "\u{2029}", "\u{FFFE}", "\u{FFFF}":
        result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
