extension String {
  /// The path of the folder that a path is in, without asking the file system: `a` of `a/b` and of `a/b/`,
  /// empty of one name, `/` of `/a` and of `/`.
  ///
  /// Foundation's `deletingLastPathComponent` ends the process for a path of one character.
  package var parentPath: String {
    var rest = utf8[...]
    while rest.last == UInt8(ascii: "/") { rest.removeLast() }
    guard let slash = rest.lastIndex(of: UInt8(ascii: "/")) else {
      return rest.isEmpty && !isEmpty ? "/" : ""
    }
    rest = rest[..<slash]
    while rest.last == UInt8(ascii: "/") { rest.removeLast() }
    return rest.isEmpty ? "/" : String(rest) ?? ""
  }
}
