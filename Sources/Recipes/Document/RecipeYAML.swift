/// Recipes as YAML text.
enum RecipeYAML {
  /// Mappings in block style, everything in lists in flow style.
  package static func block(_ node: RecipeNode, indentation: Int = 0) -> String {
    let margin = String(repeating: " ", count: indentation)
    return (node.entries ?? []).map { entry in
      if let entries = entry.value.entries, !entries.isEmpty {
        return "\(margin)\(scalar(entry.key)):\n"
          + block(entry.value, indentation: indentation + 2)
      }
      return "\(margin)\(scalar(entry.key)): \(flow(entry.value))\n"
    }.joined()
  }

  package static func flow(_ node: RecipeNode) -> String {
    switch node.content {
    case .scalar(let text, isPlain: true): text
    case .scalar(let text, isPlain: false): scalar(text)
    case .list(let nodes): "[" + nodes.map(flow).joined(separator: ", ") + "]"
    case .mapping(let entries):
      "{"
        + entries.map { "\(scalar($0.key)): \(flow($0.value))" }.joined(separator: ", ") + "}"
    }
  }

  /// Text, in quotes unless it is plainly safe without.
  private static func scalar(_ text: String) -> String {
    let isSafe =
      text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
          UInt8(ascii: "."), UInt8(ascii: "/"):
          true
        default: false
        }
      } && !text.hasPrefix("-") && !text.hasPrefix(".") && !RecipeNode.nullWords.contains(text)
    return isSafe ? text : quoted(text)
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case " "..."~": result.unicodeScalars.append(scalar)
      default:
        if scalar.properties.isAlphabetic {
          result.unicodeScalars.append(scalar)
        } else {
          let digits = String(scalar.value, radix: 16)
          result += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
        }
      }
    }
    return result + "\""
  }
}
