import Foundation
import TensorFiles
import TensorGraph

/// PyTorch's state dict: the graph's own names, filters [K, C, R, S].
enum StateDictLayout {
  static func match(_ layers: [ParameterizedLayer], in container: any TensorContainer)
    -> LayoutMatch
  {
    let expected = layers.flatMap(\.parameters)
    let names = Set(expected.map(\.name))
    let stored = container.parameters.filter { !isBatchCountName($0.name) }
    let renaming = StateDictRenaming(of: stored, to: names, layers)
    guard renaming.rivals.isEmpty else {
      var match = LayoutMatch()
      match.renaming = renaming
      let places = renaming.rivals.map { "\"\(printable($0))\"" }
      match.problems.append(
        .init(
          "holds the network \(places.count) times, under \(places.joined(separator: " and ")); "
            + "choose one by network.group (--group)"))
      return match
    }
    var datasets: [String: String] = [:]
    for tensor in stored {
      if let name = renaming.name(of: tensor.name) { datasets[name] = tensor.name }
    }
    var match = LayoutMatch()
    match.renaming = renaming
    for parameter in expected {
      let order = order(of: parameter)
      let shape = order.storedShape(of: parameter.shape)
      match.add(
        parameter, datasets[parameter.name] ?? parameter.name, order, in: container,
        expecting: shape
      ) { $0 == shape || isSpread($0, shape) }
    }
    for tensor in stored {
      if let name = renaming.name(of: tensor.name), !names.contains(name) {
        match.problems.append(
          .init(
            dataset: tensor.name,
            "has shape \(tensor.shape), but the network has no parameter of this name"))
      }
    }
    match.notes += renaming.notes(besides: stored)
    return match
  }

  /// torchvision's ConvNeXts store [C] as [C, 1, 1].
  private static func isSpread(_ stored: Shape, _ shape: Shape) -> Bool {
    shape.rank == 1 && stored.dimensions == shape.dimensions + [1, 1]
  }

  static func order(of parameter: ParameterSpecification) -> AxisOrder {
    parameter.shape.rank == 4 ? .channelsFirst : .same
  }
}

/// How the names in a file become those of the network: what programs put before or into them is taken
/// out where all of the network's names are there then.
struct StateDictRenaming: Hashable, Sendable {
  /// Before every name: `module.` of DataParallel, `model.`, `_orig_mod.` of torch.compile, or a group
  /// of the file.
  private(set) var prefix = ""
  /// Whether entries without the prefix are another's: an optimizer's beside `state_dict/`.
  private(set) var leavesOthersOut = false
  /// `norm.1` and `conv.1` of DenseNets until torchvision 0.2 for `norm1` and `conv1`.
  private(set) var hasOldDenseNames = false
  /// A layer of the network's, `linear`, that stands in a Sequential: `linear.1`.
  private(set) var head: Head?
  /// Several prefixes behind each of which the whole network stands: nobody knows which counts.
  private(set) var rivals: [String] = []

  struct Head: Hashable, Sendable {
    let layer: String
    let stored: String
  }

  static let none = StateDictRenaming()

  private init() {}

  /// - Parameters:
  ///   - stored: the file's parameters without batch counts.
  ///   - names: of the network's parameters.
  init(of stored: [StoredTensor], to names: Set<String>, _ layers: [ParameterizedLayer]) {
    self.init()
    let storedNames = stored.map(\.name)
    guard !names.isSubset(of: storedNames) else { return }
    var fitting = Self.places(of: names, in: storedNames)
    if fitting.isEmpty {
      fitting = Self.candidates(storedNames, layers).filter { $0.fits(storedNames, names) }
    }
    guard let first = fitting.first else { return }
    self = first
    let places = Set(fitting.map(\.prefix))
    if places.count > 1 { rivals = places.sorted() }
  }

  /// Prefixes behind which all of the network's names stand, and no others.
  private static func places(of names: Set<String>, in stored: [String]) -> [StateDictRenaming] {
    let most = 64
    guard let anchor = names.min() else { return [] }
    let all = Set(stored)
    var found: [StateDictRenaming] = []
    for name in stored where name.hasSuffix(anchor) {
      let prefix = String(name.dropLast(anchor.count))
      guard prefix.hasSuffix(".") || prefix.hasSuffix("/"), found.count < most,
        names.allSatisfy({ all.contains(prefix + $0) }),
        // As many, and so no others.
        stored.count(where: { $0.hasPrefix(prefix) }) == names.count
      else { continue }
      var candidate = StateDictRenaming()
      (candidate.prefix, candidate.leavesOthersOut) = (prefix, names.count < stored.count)
      found.append(candidate)
    }
    return found
  }

  private static func candidates(
    _ stored: [String], _ layers: [ParameterizedLayer]
  ) -> [StateDictRenaming] {
    var prefixes: [(String, Bool)] = [("", false)]
    // Every beginning of all names that ends at a dot or a slash, the shortest first.
    if let first = stored.first, let last = stored.last {
      // Sorted: what the first and the last share, all share.
      let common = String(first.commonPrefix(with: last))
      for prefix in beginnings(of: common) { prefixes.append((prefix, false)) }
    }
    for group in groups(of: stored) {
      let inside = stored.filter { $0.hasPrefix(group) }
      guard let first = inside.first, let last = inside.last else { continue }
      let common = String(first.commonPrefix(with: last))
      for prefix in beginnings(of: common) { prefixes.append((prefix, true)) }
    }
    let dense = layers.filter { $0.kind == .dense }.map(\.name)
    var candidates: [StateDictRenaming] = []
    for hasOldDenseNames in [false, true] {
      for (prefix, leavesOthersOut) in prefixes {
        var candidate = StateDictRenaming()
        (candidate.prefix, candidate.leavesOthersOut) = (prefix, leavesOthersOut)
        candidate.hasOldDenseNames = hasOldDenseNames
        candidates.append(candidate)
        guard let head = dense.last else { continue }
        let numbers = Set(
          stored.compactMap { name -> Substring? in
            guard name.hasPrefix(prefix + head + ".") else { return nil }
            let rest = name.dropFirst(prefix.count + head.count + 1).split(separator: ".")
            return rest.count == 2 && Int(rest[0]) != nil ? rest[0] : nil
          })
        // Of two dense layers neither is the head.
        if numbers.count == 1, let number = numbers.first {
          candidate.head = Head(layer: head, stored: "\(head).\(number)")
          candidates.append(candidate)
        }
      }
    }
    return candidates
  }

  /// Dictionaries or groups of the file's in which training scripts keep a state dict beside other
  /// things: `state_dict/`.
  private static func groups(of stored: [String]) -> [String] {
    let most = 16
    var groups: [String] = []
    for name in stored {
      guard let slash = name.firstIndex(of: "/"), groups.count < most else { continue }
      let group = String(name[...slash])
      if groups.last != group { groups.append(group) }
    }
    return groups
  }

  /// Those that end at a dot or a slash, the shortest first; a name that nobody gave may have any
  /// number of them.
  private static func beginnings(of common: String) -> [String] {
    let most = 8
    var beginnings: [String] = []
    for (offset, character) in common.enumerated() where character == "." || character == "/" {
      guard beginnings.count < most else { break }
      beginnings.append(String(common.prefix(offset + 1)))
    }
    return beginnings
  }

  private func fits(_ stored: [String], _ names: Set<String>) -> Bool {
    var found: Set<String> = []
    for name in stored {
      guard let renamed = self.name(of: name) else { continue }
      guard names.contains(renamed), found.insert(renamed).inserted else { return false }
    }
    return found.count == names.count
  }

  /// The network's name of what the file calls so; nil if it is no part of the network.
  func name(of stored: String) -> String? {
    guard stored.hasPrefix(prefix) else { return leavesOthersOut ? nil : stored }
    var name = String(stored.dropFirst(prefix.count))
    if let head, name.hasPrefix(head.stored + ".") {
      name = head.layer + name.dropFirst(head.stored.count)
    }
    guard hasOldDenseNames else { return name }
    var parts = name.split(separator: ".", omittingEmptySubsequences: false)
    if let place = parts.indices.dropLast().first(where: { index in
      (parts[index] == "norm" || parts[index] == "conv")
        && (parts[index + 1] == "1" || parts[index + 1] == "2")
        && index > 0 && parts[index - 1].hasPrefix("denselayer")
    }) {
      parts[place] += parts[place + 1]
      parts.remove(at: place + 1)
    }
    return parts.joined(separator: ".")
  }

  /// What the user should know, one sentence each.
  func notes(besides stored: [StoredTensor]) -> [String] {
    var notes: [String] = []
    if !prefix.isEmpty {
      notes.append("has \"\(printable(prefix))\" before every name, which is taken off")
    }
    let others = leavesOthersOut ? stored.count { !$0.name.hasPrefix(prefix) } : 0
    if others > 0 {
      notes.append(
        "has \(others) \(others == 1 ? "array" : "arrays") outside of \"\(printable(prefix))\", "
          + "which \(others == 1 ? "is" : "are") omitted")
    }
    if hasOldDenseNames { notes.append("has the names norm.1 and conv.1 for norm1 and conv1") }
    if let head {
      notes.append("calls the layer \(printable(head.layer)) \(printable(head.stored))")
    }
    return notes
  }
}
