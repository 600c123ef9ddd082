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
    if let part = renaming.part {
      var match = LayoutMatch()
      match.renaming = renaming
      match.problems.append(
        .init(
          dataset: part.missing,
          (part.others == 0
            ? "is missing, while all else of the network is here and again, whole, under "
            : "and \(part.others) more are missing, while most of the network is here and again, "
              + "whole, under ")
            + "\"\(printable(renaming.prefix))\"; choose that by network.group (--group) if it is meant"
        ))
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
  private(set) var spelling = StateDictSpelling.own
  /// Dense layers of the network's, `linear`, that are called otherwise: `linear.1` in a Sequential.
  private(set) var heads: [Head] = []
  /// Several prefixes behind each of which the whole network stands: nobody knows which counts.
  private(set) var rivals: [String] = []

  /// Behind each of them the whole network stands once more, as it does without any.
  private(set) var copies: [String] = []
  /// Most of the network is here without the prefix as well, but for this: nobody knows which counts.
  private(set) var part: Part?

  struct Part: Hashable, Sendable {
    /// The first by name, and the number of further ones.
    let missing: String
    let others: Int
  }

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
    guard !names.isSubset(of: storedNames) else {
      let others = Self.places(of: names, in: storedNames).map(\.prefix)
      let isAll = storedNames.allSatisfy { name in
        names.contains(name) || others.contains(where: name.hasPrefix)
      }
      if isAll { copies = others }
      return
    }
    var fitting = Self.places(of: names, in: storedNames)
    if fitting.isEmpty {
      // The matrices of dense layers; convolutions have four axes.
      let matrices = stored.filter { $0.shape.rank == 2 }.map(\.name)
      fitting = Self.candidates(storedNames, matrices: matrices, layers)
        .filter { $0.fits(storedNames, names) }
    }
    guard let first = fitting.first else { return }
    self = first
    // Two readings of the same arrays are no rivals: a spelling may have a prefix of its own.
    func arrays(_ candidate: StateDictRenaming) -> Set<String> {
      Set(storedNames.filter { candidate.name(of: $0).map(names.contains) ?? false })
    }
    let own = arrays(first)
    let places = Set([first.prefix] + fitting.filter { arrays($0) != own }.map(\.prefix))
    if places.count > 1 { rivals = places.sorted() }
    guard leavesOthersOut, rivals.isEmpty else { return }
    let beside = names.intersection(storedNames)
    let isMost = 2 * beside.count > names.count
    let missing = names.subtracting(beside)
    part = isMost ? missing.min().map { Part(missing: $0, others: missing.count - 1) } : nil
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
    _ stored: [String], matrices: [String], _ layers: [ParameterizedLayer]
  ) -> [StateDictRenaming] {
    var prefixes = StateDictPlaces.prefixes(of: stored)
    // Without the layers that the matrices belong to.
    let dense = Set(matrices.map { layer(of: $0) })
    let body = stored.filter { !dense.contains(layer(of: $0)) }
    for prefix in StateDictPlaces.beginnings(of: body)
    where !prefixes.contains(where: { $0 == (prefix, false) }) {
      prefixes.append((prefix, false))
    }
    let wanted = layers.filter { $0.kind == .dense }.map(\.name)
    var candidates: [StateDictRenaming] = []
    for spelling in StateDictSpelling.allCases {
      for (prefix, leavesOthersOut) in prefixes {
        var candidate = StateDictRenaming()
        (candidate.prefix, candidate.leavesOthersOut) = (prefix, leavesOthersOut)
        candidate.spelling = spelling
        candidates.append(candidate)
        candidate.heads = candidate.heads(wanted, matrices)
        if !candidate.heads.isEmpty { candidates.append(candidate) }
      }
    }
    return candidates
  }

  /// A parameter's name without its own part.
  private static func layer(of parameter: String) -> Substring {
    parameter[..<(parameter.lastIndex(of: ".") ?? parameter.startIndex)]
  }

  /// Dense layers that are not here by their names, each with a matrix that is no layer's by its name,
  /// where there is one for each. Of several the order must be in their numbers: `classifier.0`,
  /// `classifier.3`.
  private func heads(_ dense: [String], _ matrices: [String]) -> [Head] {
    let most = 8
    let weight = ".weight"
    let known = Set(dense)
    let stored = matrices.filter { $0.hasSuffix(weight) }
      .compactMap { name(of: $0).map { String($0.dropLast(weight.count)) } }
    let missing = dense.filter { !stored.contains($0) }
    let surplus = stored.filter { !known.contains($0) }
    guard missing.count == surplus.count, missing.count <= most else { return [] }
    let paths = surplus.map { $0.split(separator: ".").map { (text: $0, number: Int($0)) } }
    let words = Set(paths.map { $0.filter { $0.number == nil }.map(\.text) })
    guard surplus.count == 1 || words.count == 1 else { return [] }
    let order = surplus.indices.sorted {
      paths[$0].compactMap(\.number).lexicographicallyPrecedes(paths[$1].compactMap(\.number))
    }
    return zip(missing, order).map { Head(layer: $0, stored: surplus[$1]) }
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
    if copies.contains(where: stored.hasPrefix) { return nil }
    guard stored.hasPrefix(prefix) else { return leavesOthersOut ? nil : renamed(stored) }
    let name = String(stored.dropFirst(prefix.count))
    return renamed(name)
  }

  private func renamed(_ name: String) -> String {
    if let head = heads.first(where: { name.hasPrefix($0.stored + ".") }) {
      return head.layer + name.dropFirst(head.stored.count)
    }
    return spelling.name(of: name)
  }

  /// What the user should know, one sentence each.
  func notes(besides stored: [StoredTensor]) -> [String] {
    var notes: [String] = copies.map {
      "holds the network once more under \"\(printable($0))\", which is omitted; choose it by "
        + "network.group (--group)"
    }
    let outside = stored.count { !$0.name.hasPrefix(prefix) }
    if !prefix.isEmpty {
      let which = outside == 0 || leavesOthersOut ? "every name" : "all names but the last layer's"
      notes.append("has \"\(printable(prefix))\" before \(which), which is taken off")
    }
    let others = leavesOthersOut ? outside : 0
    if others > 0 {
      notes.append(
        "has \(others) \(others == 1 ? "array" : "arrays") outside of \"\(printable(prefix))\", "
          + "which \(others == 1 ? "is" : "are") omitted")
    }
    if let note = spelling.note { notes.append(note) }
    for head in heads where head.layer != head.stored {
      notes.append("calls the layer \(printable(head.layer)) \(printable(head.stored))")
    }
    return notes
  }
}
