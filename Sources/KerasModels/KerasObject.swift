import Foundation
import Networks

/// One object of a Keras `model_config`, with what errors about it say first.
struct KerasObject {
  /// e.g. `model_config: block1_conv1 (Conv2D)`
  var owner: String
  let members: [String: Any]

  func has(_ key: String) -> Bool { value(key) != nil }

  /// `nil` where the key is missing or null.
  func value(_ key: String) -> Any? {
    guard let value = members[key], !(value is NSNull) else { return nil }
    return value
  }

  func error(_ text: String) -> NetworkError { NetworkError("\(owner): \(text)") }

  func text(_ key: String, default standard: String? = nil) throws(NetworkError) -> String {
    if let standard, !has(key) { return standard }
    guard let text = value(key) as? String else { throw error("\(key) is missing or no text") }
    return text
  }

  func truth(_ key: String, default standard: Bool) throws(NetworkError) -> Bool {
    guard let value = value(key) else { return standard }
    guard let truth = value as? Bool else { throw error("\(key) is neither true nor false") }
    return truth
  }

  func number(_ key: String, default standard: Double) throws(NetworkError) -> Double {
    guard let value = value(key) else { return standard }
    guard let number = value as? Double, number.isFinite else {
      throw error("\(key) is not a number")
    }
    return number
  }

  /// From 1 to `Limits.extent`.
  func count(_ key: String, default standard: Int? = nil) throws(NetworkError) -> Int {
    if let standard, !has(key) { return standard }
    guard let count = value(key) as? Int else {
      throw error("\(key) is missing or no whole number")
    }
    try Limits.check(positive: [(key, count)], in: owner)
    return count
  }

  /// Two numbers for rows and columns, or one for both.
  func pair(_ key: String, default standard: (Int, Int)? = nil) throws(NetworkError) -> (Int, Int) {
    if let standard, !has(key) { return standard }
    let pair: (Int, Int)
    if let both = value(key) as? Int {
      pair = (both, both)
    } else if let list = value(key) as? [Int], list.count == 2 {
      pair = (list[0], list[1])
    } else {
      throw error("\(key) is neither a whole number nor a pair of them")
    }
    try Limits.check(positive: [(key, pair.0), (key, pair.1)], in: owner)
    return pair
  }

  func object(_ key: String) throws(NetworkError) -> KerasObject {
    guard let members = value(key) as? [String: Any] else {
      throw error("\(key) is missing or no object")
    }
    return KerasObject(owner: owner, members: members)
  }

  func objects(_ key: String) throws(NetworkError) -> [KerasObject] {
    guard let list = value(key) as? [[String: Any]] else {
      throw error("\(key) is missing or no list of objects")
    }
    return list.map { KerasObject(owner: owner, members: $0) }
  }
}
