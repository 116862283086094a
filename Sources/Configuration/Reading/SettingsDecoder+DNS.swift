// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The DNS door as a whole.
extension SettingsDecoder {
    func dns(_ section: Section) -> DNSSettings {
        var settings = DNSSettings()
        settings.sampleQueries = section.optionalInteger("sample-queries")
        settings.keptQueries = section.integer("kept-queries")
        settings.identity = tells(section.value("identity"))
        settings.version = tells(section.value("version"))
        settings.extendedErrors = section.bool("extended-errors")
        return settings
    }

    private func tells(_ value: OptionValue?) -> ToldText {
        switch value {
        case .word: .own
        case .text(let text): .text(text)
        default: .nothing
        }
    }
}
