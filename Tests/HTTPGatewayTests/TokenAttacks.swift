// SPDX-License-Identifier: Apache-2.0
@testable import HTTPGateway

/// Tokens that must let nobody in, each with what is wrong with it.
extension Tokens {
    struct Attack: Sendable {
        var name: String
        var token: String
        var fault: TokenFault
    }

    static let attacks: [Attack] = text.split(separator: "\n").compactMap { line in
        let parts = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3,
            let fault = TokenFault.allCases.first(where: { "\($0)" == parts[1] })
        else { return nil }
        return Attack(name: parts[0], token: parts[2], fault: fault)
    }

    // Name, fault, token.
    private static let text = """
        no algorithm, no signature|malformed|eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlc\
        i5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI\
        6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlb\
        CI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.
        algorithm 'none'|algorithm|eyJhbGciOiJub25lIiwia2lkIjoicjEifQ.eyJpc3MiOiJodHRwczovL2lz\
        c3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm\
        5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJs\
        ZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.cqh9HA2e3q5rqpmYFRO3j5f\
        msEDMrKM-HDPl1UZqE4RTPpr63DCj35Fpr6AqnRxKoAYCtVuRdEgCNNc3V1yBcjrg2LIt5MSr_KS8weF53TOh9\
        eZcWVUNLO2ai6zOtMunySJUVAxO0gyXmpQc7UmlFUzGVMlP5Qg-bltwk-BvdwaqYjMEqS1IY2buNAfYyTfzD4C\
        wZ2I6jZLnlOZ1YipE3l81UFENhwJHAw49HLtaBu9cERQ0M6aW4RJf-SRF8DFRfOdI3KHi8xwVSLQX3YvEGhczc\
        KkBHai28VbL-_arjVCofJKy4CSjyiSjPW9OpH2E2Gq7d-uV1O1PcD8Vu6J5ag
        algorithm 'None'|algorithm|eyJhbGciOiJOb25lIiwia2lkIjoicjEifQ.eyJpc3MiOiJodHRwczovL2lz\
        c3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm\
        5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJs\
        ZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.fJIXFbsZClLwnCO_J4uwVCP\
        uakNox4Ej6hG7wa0F-br7-88a0rtFL_S1ziwakktgOZWmG0wFaNrs7Cu8TABE72_3VIRiggC0AG_i5ydYoZ5Mj\
        eO4lOI7HyS5iu_hheloUo9t8bbmaW2M0pxPVFm6jan2yfowE8B3IJ6oQ5BpLok1yf_gepZGI7aQo08QQKtDtqE\
        wwrvXe6lWeRji7iD-zINeeRHmsXet892nGQYNjX7VYaZLPzheKRbW9hrskFqoukX_gdbdUc20UlqQTXAavmJBz\
        -5kvSrYaRFpybu0tEUpHOqodDlXc_7We8p7GfM-jddIdBe2nJivWY1_HJD2Og
        algorithm 'nOnE'|algorithm|eyJhbGciOiJuT25FIiwia2lkIjoicjEifQ.eyJpc3MiOiJodHRwczovL2lz\
        c3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm\
        5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJs\
        ZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.TBbOoZ0fnVQTLMd7INnW13g\
        oL2PxTqQXAv1-UDIS3qfsjqfAHhuGAezMAF1ztr3C8ffmgRw9LseLT5V5JStDKOunL0OrDjIhvoLGhqgFmJTIz\
        C1YWlSdAdgvM4CANHr84uu8i-9jKMedwn6y2xjKMWnWO_LmLSJQGJicNX0MYjvJmb00g9BIG-XUhydV9rRmBLw\
        f_Rx4cFsPMkw8oUnBkOdp_nyeEweDI5warRzV_vAmnKBdLjxk3ikTrgVQeaud_nhjbNUGXyxgMvN6oafnMM8Yk\
        Oc6u_H3_ijNxDLXZKkc1XZ6r2pTl9ACUgQSx__X-Gf5KnDnXr2b8daIudvi4w
        algorithm 'NONE'|algorithm|eyJhbGciOiJOT05FIiwia2lkIjoicjEifQ.eyJpc3MiOiJodHRwczovL2lz\
        c3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm\
        5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJs\
        ZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.G7N8TCnzx5ZQFkdaiBJ97YW\
        MPfauSoXEstpAAYDFzvV7VhnPQlxlsh-Jnh0du91ZcIXYO8GQkRqR3SZEytkAZj_T5RAigicbKQssARQGiHrYc\
        AnSnXw1paYwEBSnCfI8i39O0BWcDL3iKA7rP51o0TQfox2upM7Fc484O69aInuCVJYGAMOmj623hUQxV9FY-pS\
        _6-NEMcE3beFvo3i7e45xvpGEyIbGBaZyXZ2KtvS9IXqbAhjpsfmmviFIKDnq1TZOsy82BXQ-PjSblt7atX2cb\
        k5HnNfpkyWIA8UzLo21iZK4aSMBaznZdkyfOCPkFnbLLRucD5sjPI55QcIKlg
        algorithm ''|algorithm|eyJhbGciOiIiLCJraWQiOiJyMSJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leG\
        FtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgw\
        MDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6My\
        wic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.HsisN7-v_gVb6YV7o0tQgCVcxtNG2Snn3\
        SmHEatTv5mjN5fwOBPXkmUnmnAGYRydcdyNsB1ckDGYyYdljrrgXGittM6tqWCALufDaaedxXyg2TjwOrn1-T0\
        IQuooL0SCuv_YnJydvU2frAZXSdsn1WqI1bCSSPtCIRHgQ6qrc3WVj7lHmd8I3p2hIQ1U9aY98mOo35eFBaxVF\
        iXK56zrIL3ZFqk7eiCVozECgFqN-WDtxReVsaUb-WBeaXWFcP-rl4g9fXJ3bm_SOUz3p9Ur2ehmOUaD7XetdRS\
        4wuOwSm-p8MXU1CRFsgGdgbJRt2fgHk1ghH88rm-xgSXHdkwR7g
        HS256 with the public key as the secret|algorithm|eyJhbGciOiJIUzI1NiIsImtpZCI6InIxIn0.\
        eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLC\
        JleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsi\
        YWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ\
        .KpddoLVDfhxpwaZP4rLBVR84Ptw0jU-K6WyP0LhcFrI
        HS256 with an empty secret|algorithm|eyJhbGciOiJIUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJod\
        HRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDA\
        wMDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzd\
        GFmZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.Bhq2YgRvkYvC\
        xLIbAkP_9aVI4ZwoRfKXXerPWPBDcrI
        HS256 signed, RS256 said|signature|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHR\
        wczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwM\
        DAwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGF\
        mZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.kZsW1gszsgXvhb\
        APQHkhtOqmcNiNisAvaHEGnFwhFRA
        HS256 signed, ES256 said|signature|eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIn0.eyJpc3MiOiJodHR\
        wczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwM\
        DAwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGF\
        mZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.FQ-japJ1CRmHBF\
        tfSEAQYqity62XKtG7b2Uf6yd2Iv4
        RS512|algorithm|eyJhbGciOiJSUzUxMiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leG\
        FtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgw\
        MDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6My\
        wic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.KAE0rWV_sPmsX_vqCm30vTxAlstkjqRLR\
        QTTwIhkYwmx4NTW4MJqbu1iwRjzecUDohZMZUR-kAcJO8mDcDXvRIymYyzbgmq9ByRT_g3dKIu1GaMeLaHBNqn\
        S1GvQ0T6eEA9D_iuf9AjOeGYMhpU-U12zy9QNJvWwl2XTggwk54WfTX5vN8cN4tETOzLM6ThQRGxtoL3radPv5\
        xegHXAJ9blP84BZbcpg-_sU_Jp9INGrvaASbTYj2gu7uRVdYAXYVln08WmxvGGL_bQH1wuqNOamHSgzZLz2llA\
        ewgxLxoM4crojtXu5pAywG5O0t7N40HODJlFVnUJa0r-_lImk-g
        PS256|algorithm|eyJhbGciOiJQUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leG\
        FtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgw\
        MDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6My\
        wic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.cfabK0Zyfe2DZphGC3SG73x2LdFwO9jZm\
        FHUOroH_4gM2AIKLBDtv3hwhJixry6-IKKAQ87Y39ZgyjiA1_9w2MbeAmE0VOH7sR-tv_3iytsNcdkDFGSKfRf\
        ULkBU7w1Cuu0_Owv5mN_iu9HCfGx8Ljr_n-C-Qj5Sr5g3dITK2xhva5fkFERGD8S7ylYiVtHg_PHHEped5ARz0\
        4uvQ3AYiCqbBW2s1942Q2u6KSYdrQa8lx5NaUrDbbkzZoaZO8nnxT77GUdpZFNKPU194_bt_2n9hldeGyDfq4t\
        5J1op6ZYq4Hb5SCfHy_7r4K9MDvvZbNvmLkst_qRKYfoatfGnug
        PSS signed, RS256 said|signature|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwc\
        zovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDA\
        wMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZ\
        iJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.Wuf0IeaZeE6HWm2w\
        yJv9ecl_PNCM7TQ6P8IaJnAhKb5Wbsn9flLeut8PLaDfpcLjRPn22GDm8l-ayts3U-5etcnt2CMKbRbsFFSxfL\
        JmDZ9UCTa7_HiT0a5Q7os6VqdKEau_unPs7mCYvYV8eJUafnSpTYWE0hlr4Ylyp25VmmbSkm13cXJkfVYYxeDg\
        jstREg3cG6_41UG_qaMYvcP9LGlwE9YiiScHQEmD5VJcqrPYsq9PrI3HAK3D21ArW1XJ3nubncBsDvwlYrvi-R\
        VEHZ0Ezi-_Mf0eFuzxrdnMYip3HqC5dsOrfgthk6QQYT09ZR-OOCoHx6TeNCgNULR66Q
        lower case|algorithm|eyJhbGciOiJyczI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlc\
        i5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI\
        6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlb\
        CI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.iPNZ8woeArVtBBy0DLApK9Bh3nMW\
        4FsNWCoBoJG7uB2duOP1Fj1PAzXNtJuCrd3k4rCCuXgt6XvSkH92zvBc6_oXRl8st6nf56DsampUImi2dNQLhW\
        ZEmLv2l7gU4A-I1qJ0iJnvP2V62LQzt6-lVXmz7I9TemlU_d1bSe5sYcLyHK4vxbAo7GDN-V9ersw1zhrIqyMB\
        no20rBuP_Xv-IHiM4hZ12YOtCo7vVrEXCnSsqq7lt5LYJAOnq6T6Qb7pFfPR7Uuc4XStK2ut-xBcpiVo6CR6Hs\
        WRvn49W6dLMKRxps5gWCNuLN1RiPbsI0uWZja2G4gvADXyDF_n4h8ljQ
        algorithm of another key|key|eyJhbGciOiJFUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL\
        2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDA\
        sIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdL\
        CJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.TdFNA05MWcFIiWx8z7aX\
        DKj7Lrg4l8_RMeFchX2QWPL6F10U0CgbU4R1Xxjwz52jk8H9A2yu6W-D1A6jzdf6-ibCYzN2ncd2usOiH-XjnJ\
        pNTZ_mLaArxlFQzJgFH9wz7q7kdydelTLK7ZScaDMZmEwoR4EJHFkZR9_mOMuP0_4Gw5MuC53BfoUaKH0G_c4y\
        wvOOXM9u9_5MQKWmzxREmPTTo5xrs0GUxFe__ZPE7Rpg18BeEJ-5rOGGNx6EqZbwORUdrOFlFAIVlv2njsr3pc\
        WCEy92uBiaRGBH2mQoV4OPkAvrW3Njr5lyeG98bvfWWg2aIwx07b4Zb3a2P7eFmQ
        RS256 by a key for encryption|key|eyJhbGciOiJSUzI1NiIsImtpZCI6IngxIn0.eyJpc3MiOiJodHRw\
        czovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMD\
        AwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFm\
        ZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.Jdf_iVIybdp6KxP\
        ErTdkGrfHgaFe8EnvWxzsmQMv9j47s1d2py7uVWqJ1niWZSxLosvZ3--uNBKLQ8qBKuDTvz-Bo0_VKuRc1ZZzv\
        6pNrwpdnPAPRwjVogc_W_goVwZ8_hD4n8z5aczJy_GhIDk-2HPUNueJKNEG5PPThZiOuOHhuLo7JX9DYrp7bTH\
        ilMdrjwHmu1z5VZzTMYnoj1tg4zEgbZ6rLzoadDFWZc0-yNBd8XGY5fa6R1ARboQkzdKeaIZgfVW97k3tNh9_Y\
        8Vm8WstvMb1mQwAHfOy4kvYHvbNsgZtm6bm6TCmMkpWhpdXWsCXjvR-DSgEUNFoBonSHg
        RS256 by a key for PS256|key|eyJhbGciOiJSUzI1NiIsImtpZCI6InAxIn0.eyJpc3MiOiJodHRwczovL\
        2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDA\
        sIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdL\
        CJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.mrtyDT7IwDZYd6au6SO4\
        eVCGX3PIHWvnbVqljZTC6kX8tLZ6ramrGOEeGgFMuhRwjtcxtoaBpSPPCgFJscJf5ePjvOx-1YAxa7IyLmxpQT\
        acUkPe1a2J5GQr1MX1zis5gjzHR1jPmspl6ic1hGqGGw7T392vHYmfeeWWZuStH4IgIs49AT8BAha_URdUkM8V\
        F8JC9LWzNTP9VP9imNEhGZxO1C6Dlk-nHGWUOE034btks_n5sUGxPqfPB5klTiHw0gIh9dHcvyBoSA4PS-EMFJ\
        w8kXdsmB3Foo7Jc0bb4p9sG4Qhl6h0UZiS7yB5R6YJTGLsWrpCaVmhjrR_B2c_Dg
        unknown key|key|eyJhbGciOiJSUzI1NiIsImtpZCI6Inp6In0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leG\
        FtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgw\
        MDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6My\
        wic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.kUmQIhzOi7mfQHT1L5ejMv5Xi6ShDqWq8\
        4Xz1-Bwx0yY3JGZz9IvMGfzfgy_WXqZ4_xA1pnbqDoVM6Cd0wzCIeyA8fe0XvQOg24iNPCGhREWNm8XWWpDerv\
        MEWluie5K1Y2dPPTiUEWDKc1Ilnb6wqR_mLCqICKgO7UZBj5iK9JEGb12m0xU43rEn6yp-PHORgJdpm7baureU\
        88YBNtEoujmryw3JkrbJ1wpwe3uV0fWhj66A4Lr3bz4TRUyFYiyi7dUgjSR6hGw_qyT9R7nlx1bTqGEhoPu2RF\
        exNGYrFJp0mdxW-aVvYvjYbBy5th2P5yR-UeHXxOkr_7aahDS7g
        key as a path|key|eyJhbGciOiJSUzI1NiIsImtpZCI6Ii4uLy4uL2Rldi9udWxsIn0.eyJpc3MiOiJodHRw\
        czovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMD\
        AwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFm\
        ZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.YDMgzU3SBPgmuNG\
        -6wwcD5IeoMa-w3jHAuDvO09jW-ypPJK2SARaTEpHvKL-3JwsJhXUEbr08EG5wKB4xTmbXCxPcoy9gEwBJuHak\
        kvnvj4FkWn1hNOc-1MFbzfQyv6QPrRXhEKCk8siUX8h_WfwVbzIkGaJcVmf7OTxorR_4ebuL2us9e9QlEnx2k3\
        OEa21m8A-AbmhaFrL42BVNK4A4APvrp-9dBBjyOT9Arz9pQ5HwOZJhP9vHLnvcgGlr8ZiD-0KVN6wgFch8LMzK\
        j1bogS2gnVLCg3gCcjzxGLQMw5z9RcCvmwswcYZX9xgwho1-kxz6XJlc2P3OEXXGyBvhg
        key as a number|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6MX0.eyJpc3MiOiJodHRwczovL2lzc3Vl\
        ci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZi\
        I6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZl\
        bCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.oa7fjT0Cpza-quEXVT54ELTe6Ff\
        sO3z4Lt2tzKfsH6Qiyy-nCIfyQ5pBSUO9lJUHFADBwjLXzjXzM47pdzuNDRvKoNPgMIh1BURdvWknCl_FrcUT7\
        f7vdS4K6u2mz03dOIE1T4VL9ChklispMP2rStERBtfJ7bu6NnkOyX-1R-q8wJ7dk2JdkHGQEqRbtk2Y2LoLUyD\
        9ABeXO97vmQygNx14Wr2qPgu_xHnmAMHNRpo9_hNaG3VmA1udbDuNDCTxevt70Bwg4J_MVigRD-e7KNQw21Lys\
        9DwKU0y6RXyBms7WAPPaYi377th0wNQIgZ-6hWL6oCuIwBmWFLY5UT58A
        another RSA key|signature|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lz\
        c3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm\
        5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJs\
        ZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.U0HFp6CUAZm4f4wz_x_hYd5\
        K5ukIJVIU4E2sqq6sumu-PD9h9yW_1Zjir8kbG7r0QDxYy04tl3XKpY0G19Dk_cF3Ap2BXzh0I-9A6BPT7tEaN\
        r8oz_GImuu00wepHvx5KpfNkkspO94ufzNcyzzpltsQ5f5QkQfgQcp7cNQMgeW6K59tFFHtULXl8WGGtHS2-i1\
        eYFl4CWIDZSHHCX1SCibaOQnRYdZMFliDmCig5Gh8I4YGA3uAfjCIrvZPSeHYeVPKxQCfNuJhIfgiHEq4nT_kO\
        WLjokS0P915m4nDCgxBKa0kPCtyoQjp_TeRE0P2dNYR6N0hYwKsJC76sSRFTw
        another EC key|signature|eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIn0.eyJpc3MiOiJodHRwczovL2lzc\
        3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5\
        iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZ\
        XZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.LadHuQFZ1WHdxBqPWjfNyR-I\
        wM1g6DtnpJwJcmtVOoVVzOAJ72ENSRt4UqLDxj0P816JnKudWPND4nZVKSrcAA
        the attacker's key in the head|signature|eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIiwiandrIjp7I\
        mt0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoiZEQzWkFqT1ZfVjBUYWNnZDhXS25HT1BfVkJub0JzN19lZzN\
        yVmJ5V0w4dyIsInkiOiJrOEstWTlqRUdJb3NfOEJsX1N5UUFqY0xuS0pYbG9iY28yZ1hRdS1MVnhnIn19.eyJp\
        c3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleH\
        AiOjIwMDAwMDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRt\
        aW4iLCJzdGFmZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.loD\
        KZ6BEA9-nwan4Fsn9cOPp8PMpjRcaOrP8g3PCZLU3j0ZeiN8QZIhVL8ZLqpAwzslvhnB_hq-E3YhyCP9CPQ
        the attacker's address in the head|signature|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwiamt1I\
        joiaHR0cDovLzEyNy4wLjAuMS8iLCJ4NXUiOiJodHRwOi8vMTI3LjAuMC4xLyJ9.eyJpc3MiOiJodHRwczovL2\
        lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAs\
        Im5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLC\
        JsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.fUO7GUdVcmtTyd7wlsRmp\
        boL3U6XH-yjwVu2y_uc9w3M9nTNkBpwRbpiZ6fJN98HBSo4v7tx2_emn37ZdNQXVzcVIZLfe7GIf4mOOrG75cm\
        DHiSBQUTKch2eTWKTFHrileXOpT94G-4hx99BFx4fxEmQQn50jBJ1AekFW-XdbZH708Wnl2xOkvFbollyOam2o\
        TdIs9FqStuD0uL-6ixw1GeFQ3skUeS_HrU6-cUkc8dptRlId2zsUnJt8yZTtTLXr7ujglnGCAB3lgRvMC4_Siv\
        qTmyGURIa3JJQDN1S_RfJKaRC8ihFRZbP40u6QVDdfY2gK515Y06YepiaPKdt5g
        r and s of zero|signature|eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIn0.eyJpc3MiOiJodHRwczovL2lz\
        c3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm\
        5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJs\
        ZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.AAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        r and s of the order|signature|eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIn0.eyJpc3MiOiJodHRwczo\
        vL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwM\
        DAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJ\
        dLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ._____wAAAAD_______\
        ___7zm-q2nF56E87nKwvxjJVH_____AAAAAP__________vOb6racXnoTzucrC_GMlUQ
        ECDSA in DER|signature|eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIn0.eyJpc3MiOiJodHRwczovL2lzc3V\
        lci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZ\
        iI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZ\
        lbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.MEYCIQDYbqFHZm8X08idpWeNt0\
        DmhkLKhRtDw9c2lL7aPZEe1QIhAKNS3eru0KkYHDAv043NRI95it4_LMCsArt8cpnL0sbY
        ECDSA too long|signature|eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIn0.eyJpc3MiOiJodHRwczovL2lzc\
        3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5\
        iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZ\
        XZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.YYJr7XYnOnUckE3R2eVzT_QC\
        I6LtLmm0T4eP-UdRxUXuK8foRYNVUmB8DGrkosecSTDCqR-wK_7jBnaNhMsbPgA
        Ed25519 of zeros|signature|eyJhbGciOiJFZERTQSIsImtpZCI6ImQxIn0.eyJpc3MiOiJodHRwczovL2l\
        zc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsI\
        m5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJ\
        sZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.AAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        RSA of one|signature|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlc\
        i5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI\
        6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlb\
        CI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.AAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ
        RSA signature and more|signature|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwc\
        zovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDA\
        wMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZ\
        iJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.FCyM5Lv_vB4dsrKe\
        -zFO-lW9F8fwJyt6ggkwWDZ2giSfv7IS5v1UZ9pdPkasCfjVSqpKdeERknqy-jPL6fNkrxiiYTeSmdxl5DeJrd\
        -8I7M5wCgwopXnNcZSSOECd-5cwhvS2WrtFsVXk7o13ZfQ_gkU0_2XyO69MAEw6Vf0EzKsFsv0fsc9XD0kn8qB\
        BbUKtxXtpHIXhRCxwsrnVq54YggN_P2DrVuA8M-XcfxhjL208-j4guPvA-skAm8pwp7wgicWANzmudkHBuBy-L\
        3tRlIICyFv_3R_x_-4vT828w21nm-o_CnW7Lu9C-YU8pjy9roIdA2cMSubM4EvGvQcngA
        critical extension|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwiY3JpdCI6WyJiNjQiXSwiY\
        jY0IjpmYWxzZX0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJ\
        zdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlI\
        iwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblg\
        tQWRtaW46IDEifQ.QRK7aGVHEuDgYEX0AxFAFxVyELEnriQPz-xcXhX0t9MJyLEK2Kb0EZNIVoMoa5IlSVgjaU\
        mo08zldlhenhrEJknQXgJUvxAaWrP6bcfENIhbymJlM-5UM3QL5hfzVm_fq4qTZrfjRS_v8v2u-wd1Ua68HMaQ\
        23tNCSqTIfK09jUAeHHH9AgtclTpx7jIpTMDWE-9Z5l4SoCBef91b2ge6YtbuwedbJjrdHxgZNk8Y3UFs8naGj\
        fFMsjXeWo_giX9LN5B-2jWSwVpscnqPp-_n7L33sRQR-pCD_cOW0sFMz7u-AOyAZtCiYguf4DptwM3dKS4XTRO\
        irerKFF6YOAROQ
        empty list of critical extensions|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwiY3JpdC\
        I6W119.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJ\
        hbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZ\
        XMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW4\
        6IDEifQ.PgInuHyNI2d4i3qT1--cMxBKQoeg49B1Jm03F7CWcEVJN-o48At1ECvWWQ9dp7-ao0gY1xRaBT79SN\
        6rFQ33Wh_s7S-Py_zSCTQxujfLIUkuOgMrFj_8jedQo37AORCX3UzupZ4AC_RjOh_pc9jGAezAkrhYVCHE37-r\
        8g8us6mxwZHoPuVFrBIs1IhE3B4PSHPx2zMab-QmeJczEwDJZLbvsLBdrghnA2LMpbY7tYCjsIFoCO2L6_XJk-\
        T5MFoMMiDBGDUNr_KthfMRQZTTyMWKmaqSEJQVRsVy-5lajoS4Iqoe5NjFyrUJouV9tQoE-yCLiEw8uTMU1e71\
        OcSQoA
        algorithm twice|malformed|eyJhbGciOiJub25lIiwiYWxnIjoiUlMyNTYifQ.eyJpc3MiOiJodHRwczovL\
        2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDA\
        sIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdL\
        CJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.cDqsqpbCZ0pG8JF-V-Vw\
        10FT8fjp90yoMrGYbVnXlaerrov71Mh5bBZocOU4mE7NFOmiieV-ugBjyhhQC_nSvWB-7VJw71IosQOmspD4M5\
        OZM8cI35u0JQk3ukgJTg8C6050mwlKGHvdhxgC05n3c1EbFd3W-nHNsYXAAKLyUUmkMYbBG6YeJks0egLoWmeK\
        GHZlNitGt5U37fkKg-C9LrM0KiIICLb1PVLI9TUX4FIwSDlUaYEWBWGsjaZN3owM_gkHIMSnI84M_6RRkRTdLf\
        0pCVMUlpLCTo8LDDYW4aNpRLG-ur4sNV1xOh4rd94BJIOceSJJUOTqsKhRf9_9nw
        algorithm as a list|malformed|eyJhbGciOlsiUlMyNTYiXX0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5l\
        eGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MT\
        gwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6\
        Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.IfxWm_2-zPP1B9eTQZ5jH_43gTkPfS4\
        s3umj6O8V_QILXana51UBS-pixDOGiZcG71Gqje3KY5Hkc0UbJREMRASGkgIjZL4DBAiiGFMEY9L4S5Lo-y2iN\
        pOS9r8jRbJN5cu4OjW2WQt9aroxTQXCLZtRBPpC49GpucVrPo5m82pQkGwVGPvW_R-8m9M6v8VinFO91X4GSoD\
        -YvnBmOtNMZHLeM6yg99vSAJdgkCpFVN7h7s1dpLKCClLxaSYhWbXISo_c0Nez1vLhE9vzCg1AkRYfEpug9fib\
        fMTj6LmtpHUO1jWgR8Bthq9r8tyhLYXWX6uRIZBLU3JX1TsUSu_sw
        no algorithm|malformed|eyJraWQiOiJyMSJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYX\
        VkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwi\
        c2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6Mywic3RhZmYiOn\
        RydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.LYmN-o3rgHHmN5dplKXWhdkxpYHAzpLOvRgD3a78XGuAP\
        2HP8cCmG9XgqcfKf0TTs4VJP0oJaWfeOU20LdC0LkptTlvyTbqm2Gzb17FujI5Qcy07bq9VROBWW4xz6ETqB1T\
        ZHyu9YpFxAU9spiQQN0dFIbPt3IXNExwCOYEafO1CS_-VeJFq4oUwTP_6PoW3gQ7fmjgsVxwO0TuRMoJkht2WA\
        UVhDhUJvdJ3YeJPHu4iOPSDpPitZidDkRTZgNW3PDiLkU9mua2H0ryeLkGWgLC-X66CI3nEW7ejjJFjUwCZPEA\
        HfASwVgvnLSPIJaXIMYHtF43CjAvMaFyM8JUX2Q
        head is a list|malformed|WyJSUzI1NiJd.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVk\
        IjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2\
        NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRy\
        dWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.VJn3HyAC3qP0S7ysY_WW94ABLh4I_MOQo9h33KKZAALA2hy\
        bho_CoS3Vr9OhLtQZUIv0SxerJFt-fHRA7SUNAj-edIDVw8DtB04nSSDovQE82lBYbJdBJDGpux3RwqXcn3W2H\
        oABgqvzxSlyX9qvjrVQRfjxOiXo3OXOSaFkgX_zMwLe_WyXj7Iw7Y9QuiGadTwGWCIKtoe0Fk2pV7e_ggyNOwO\
        QViO9NXmSb8VAc06FCUCC_lXgu_n50Yty9RBlD898pZ-UAwS2pLqo9n1NKRnVsNf_TDSX5JbcgMSV-XLP7ex1v\
        edJ2gkTKpPYyzTrngwG8lH19Zou0KGLWXuKvQ
        more behind the head|malformed|eyJhbGciOiJSUzI1NiJ9IHg.eyJpc3MiOiJodHRwczovL2lzc3Vlci5\
        leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6M\
        TgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI\
        6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.mG4kFZd9cxiU-GjpFGjfdc1JEFFHox\
        Cef3RAzhSzcCmAPSWMwH2sp7QGIXt_K-6bAvLaZi6NWtwpJZQwtqB6pS83IL7THsrNgtyiCJEQH4BCd96lD9Az\
        GpIPeEyh_X1IzKWPu-oJoYMobcEMTSQl_VUO4aK2uaIegMy5Wv8YKN-oz01jfCdxpAst-owVCe9vMGHCtooFN_\
        n5U3bPo__IUQhey1fAvjmXs3hvULUfdkOnKR3ynT5OErU20jiIjEJe2GK-m2QN68BN_W5WG2eMQt8kYxKaor_n\
        bX-f30MVx8anXpD-QqSrTh_sMnpEA2WdsxtYMP546R3iVXWG0ekwFQ
        claims are a text|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.ImNsYWltcyI.pGFqV_dZ3U\
        PQhy7MFaKeEEbPVj1A6f6jgtQ9BR6B9OmsdVkVTICaRfc_xzwZLgP3u5zEUGFy2VmmQoafRMLV83b_T7N9KmJM\
        SWmafEH_ikMoK75_QwHX2TLfmBRD-SAWdewSXtHeKYfOqQeGV31OrO0fGgvvkhukwaDrgycZmCMOYt2d1z6_f8\
        42cLi_cKZGIaMxvUsGvF5VL2bHUHagBvGd1KDpqQfI1r0fQEG19_yQtM7La595k6n1L6E0Z0zEDjs5BtLmU1iX\
        skCbLpiMFMLdBY8EKvFCZhbnrp1HiwADtE7HEA07SHgf0-6QzKJAYt5ct6oetp2wMkBcE1MVTQ
        claim twice|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiAiaHR0cHM6Ly9pc3N1\
        ZXIuZXhhbXBsZSIsICJhdWQiOiBbImFwaSIsICJ3ZWIiXSwgInN1YiI6ICJhbm4iLCAiZXhwIjogMjAwMDAwMD\
        AwMCwgIm5iZiI6IDE4MDAwMDAwMDAsICJzY29wZSI6ICJyZWFkIHdyaXRlIiwgInJvbGVzIjogWyJhZG1pbiIs\
        ICJzdGFmZiJdLCAibGV2ZWwiOiAzLCAic3RhZmYiOiB0cnVlLCAiZXZpbCI6ICJhXHJcblgtQWRtaW46IDEiLC\
        JleHAiOjk5OTk5OTk5OTl9.XS9Toor6VutRFf2gf5Vr4-n2kQvHpWDN4Ej_Q4qCCeHZhOx7wfiEhX7PNcEMJwt\
        JC_jSCU2owO9_x75GE5Zbm6lBJAWWe7fa8_uBJwcD-nY1N44k-Ve8fI5jHwu94H0RqyOz4wFXFls2yp7ZXu5yM\
        LBMpLsWDtxChncijwbvAMacAecMB3lE0-IGo4pIjQRL7hiRGze-00hjdj6xKuz1vcofyb93iE4D08zOhcZelZf\
        3YCGhQVLUmLIXLYvyoNcyoZhDlTL3i7T5yELrbMxqrNa-o0EjrUcJNWGsiYXBMlcn1fZN7lTO9Co4uhOeRrrXB\
        2d-PJ0vKroVUVl5D2hhPw
        claims too deep|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJleHAiOjIwMDAwMDAwMDAs\
        ImEiOltbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tdXV1dXV1dXV1dXV1dXV1dXV1dXV\
        1dXV1dXV1dXV1dXV1dXV1dXV1dfQ.OfRFxRTa__vSDC7tAQytPKq7buVuDwII064Gc59DaJXmJpZMKbeHFxHNq\
        Uf0jDHnBIwieaSNY1sm2--EZp0MUenSEbwzeMP7khEXImpzXsdpM6ucbO67mgn66zglJ6K0Bq8AV1bVS9iY2VV\
        TaRaqiF5MdQrFDDzRLd4KbRf7vFNIiqvw6YAusgy_ZlF-bOQFqSO2oIi0O0PDa6AZjf8RPlUpMch32ZNOszCKG\
        E1IOojMGk85ROjHXJ5j580WSt-Q3yFh1t9Q77GesSouXp8TVFSW_xQ-M8y7KCYl75twmHQw4Qg-Xgl4rsRzOpq\
        C9TDD7ujl51z4SKA30MKXRC5EOA
        claims of another token|signature|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.\
        eyJpc3MiOiAiaHR0cHM6Ly9pc3N1ZXIuZXhhbXBsZSIsICJhdWQiOiBbImFwaSIsICJ3ZWIiXSwgInN1YiI6IC\
        Jhbm4iLCAiZXhwIjogMjAwMDAwMDAwMCwgIm5iZiI6IDE4MDAwMDAwMDAsICJzY29wZSI6ICJyZWFkIHdyaXRl\
        IiwgInJvbGVzIjogWyJhZG1pbiIsICJzdGFmZiJdLCAibGV2ZWwiOiAzLCAic3RhZmYiOiB0cnVlLCAiZXZpbC\
        I6ICJhXHJcblgtQWRtaW46IDEifQ.ZEmOqWdxGWtr2751c3moHZmNHfWjtvOTVvbHSunp4IC_Q12IMnuLNGnV-\
        73m90LFFxUuXjTnVqAm4E1EriGjxJ05jcKJrNkUcTgNNU-oeGKP-NY3ARss2_Pl0jMPES4kAddl3xF4nKmLbOT\
        5EfLGwgaoWLYpakY4wOrHNq4s97VzfX_eDTGQe8WeUSU0uFKDYsmRu8ypUjssxh0AWhZSfQ3hybMF8fQTBDn7w\
        kgwPAS86n_sKgy-z03-gYvLPRi7f41F7FcRi0RzKuSC7iWS-2SqpeRxCnum5dPT8eK_pw1dh0EzWKbXr0ie0UX\
        74HumDo8sMcifnlS2vT0pS0oZQw
        padding|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRw\
        czovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMD\
        AwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFm\
        ZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.ZEmOqWdxGWtr275\
        1c3moHZmNHfWjtvOTVvbHSunp4IC_Q12IMnuLNGnV-73m90LFFxUuXjTnVqAm4E1EriGjxJ05jcKJrNkUcTgNN\
        U-oeGKP-NY3ARss2_Pl0jMPES4kAddl3xF4nKmLbOT5EfLGwgaoWLYpakY4wOrHNq4s97VzfX_eDTGQe8WeUSU\
        0uFKDYsmRu8ypUjssxh0AWhZSfQ3hybMF8fQTBDn7wkgwPAS86n_sKgy-z03-gYvLPRi7f41F7FcRi0RzKuSC7\
        iWS-2SqpeRxCnum5dPT8eK_pw1dh0EzWKbXr0ie0UX74HumDo8sMcifnlS2vT0pS0oZQw==
        a blank|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRw\
        czovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMD\
        AwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFm\
        ZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ. ZEmOqWdxGWtr27\
        51c3moHZmNHfWjtvOTVvbHSunp4IC_Q12IMnuLNGnV-73m90LFFxUuXjTnVqAm4E1EriGjxJ05jcKJrNkUcTgN\
        NU-oeGKP-NY3ARss2_Pl0jMPES4kAddl3xF4nKmLbOT5EfLGwgaoWLYpakY4wOrHNq4s97VzfX_eDTGQe8WeUS\
        U0uFKDYsmRu8ypUjssxh0AWhZSfQ3hybMF8fQTBDn7wkgwPAS86n_sKgy-z03-gYvLPRi7f41F7FcRi0RzKuSC\
        7iWS-2SqpeRxCnum5dPT8eK_pw1dh0EzWKbXr0ie0UX74HumDo8sMcifnlS2vT0pS0oZQw
        four parts|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJod\
        HRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDA\
        wMDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzd\
        GFmZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.ZEmOqWdxGWtr\
        2751c3moHZmNHfWjtvOTVvbHSunp4IC_Q12IMnuLNGnV-73m90LFFxUuXjTnVqAm4E1EriGjxJ05jcKJrNkUcT\
        gNNU-oeGKP-NY3ARss2_Pl0jMPES4kAddl3xF4nKmLbOT5EfLGwgaoWLYpakY4wOrHNq4s97VzfX_eDTGQe8We\
        USU0uFKDYsmRu8ypUjssxh0AWhZSfQ3hybMF8fQTBDn7wkgwPAS86n_sKgy-z03-gYvLPRi7f41F7FcRi0RzKu\
        SC7iWS-2SqpeRxCnum5dPT8eK_pw1dh0EzWKbXr0ie0UX74HumDo8sMcifnlS2vT0pS0oZQw.x
        two parts|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodH\
        RwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAw\
        MDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdG\
        FmZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ
        one part|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0
        five parts|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJod\
        HRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDA\
        wMDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzd\
        GFmZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.ZEmOqWdxGWtr\
        2751c3moHZmNHfWjtvOTVvbHSunp4IC_Q12IMnuLNGnV-73m90LFFxUuXjTnVqAm4E1EriGjxJ05jcKJrNkUcT\
        gNNU-oeGKP-NY3ARss2_Pl0jMPES4kAddl3xF4nKmLbOT5EfLGwgaoWLYpakY4wOrHNq4s97VzfX_eDTGQe8We\
        USU0uFKDYsmRu8ypUjssxh0AWhZSfQ3hybMF8fQTBDn7wkgwPAS86n_sKgy-z03-gYvLPRi7f41F7FcRi0RzKu\
        SC7iWS-2SqpeRxCnum5dPT8eK_pw1dh0EzWKbXr0ie0UX74HumDo8sMcifnlS2vT0pS0oZQw.eyJpc3MiOiJod\
        HRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDA\
        wMDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzd\
        GFmZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.ZEmOqWdxGWtr\
        2751c3moHZmNHfWjtvOTVvbHSunp4IC_Q12IMnuLNGnV-73m90LFFxUuXjTnVqAm4E1EriGjxJ05jcKJrNkUcT\
        gNNU-oeGKP-NY3ARss2_Pl0jMPES4kAddl3xF4nKmLbOT5EfLGwgaoWLYpakY4wOrHNq4s97VzfX_eDTGQe8We\
        USU0uFKDYsmRu8ypUjssxh0AWhZSfQ3hybMF8fQTBDn7wkgwPAS86n_sKgy-z03-gYvLPRi7f41F7FcRi0RzKu\
        SC7iWS-2SqpeRxCnum5dPT8eK_pw1dh0EzWKbXr0ie0UX74HumDo8sMcifnlS2vT0pS0oZQw
        dots|malformed|..
        no claims|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0..ZEmOqWdxGWtr2\
        751c3moHZmNHfWjtvOTVvbHSunp4IC_Q12IMnuLNGnV-73m90LFFxUuXjTnVqAm4E1EriGjxJ05jcKJrNkUcTg\
        NNU-oeGKP-NY3ARss2_Pl0jMPES4kAddl3xF4nKmLbOT5EfLGwgaoWLYpakY4wOrHNq4s97VzfX_eDTGQe8WeU\
        SU0uFKDYsmRu8ypUjssxh0AWhZSfQ3hybMF8fQTBDn7wkgwPAS86n_sKgy-z03-gYvLPRi7f41F7FcRi0RzKuS\
        C7iWS-2SqpeRxCnum5dPT8eK_pw1dh0EzWKbXr0ie0UX74HumDo8sMcifnlS2vT0pS0oZQw
        no end|endless|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGF\
        tcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJuYmYiOjE4MDAwMDAwMDAsInNjb3BlIjoic\
        mVhZCB3cml0ZSIsInJvbGVzIjpbImFkbWluIiwic3RhZmYiXSwibGV2ZWwiOjMsInN0YWZmIjp0cnVlLCJldml\
        sIjoiYVxyXG5YLUFkbWluOiAxIn0.bHOHPj9SLljE1-rA7hy8FjuOwXHdnEJlW-VY_EFVirvSqFPFWR2oo8w04\
        5A05lYARPRLY2RGAW1GCHsBZYFIozFbW1oBZwTxxpyGVN8zDPY9Fm2cHdTUFXFHLgqAL8OY9LuYBx2SWTXYgdc\
        -ae0a_UPyxg3xHuynrcWqA454rL-FjiII0djuXrSgkVe8iyeHvBdCiZG0yWZJKX6Xm7xGGb44sXZeDhgEPAylh\
        DCqDoX73GmAlspYO1sof4tVulzAYXuhUa4DuOFFX4179EkEEBIRic6E5sLrdiDm8YuwVVU4F_ugJYysHJLKK0U\
        LNVw_w-OYwcbx4Q4IgDh5WNqKew
        the end as a text|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2\
        lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOiIyMDAwMDAwMDAw\
        IiwibmJmIjoxODAwMDAwMDAwLCJzY29wZSI6InJlYWQgd3JpdGUiLCJyb2xlcyI6WyJhZG1pbiIsInN0YWZmIl\
        0sImxldmVsIjozLCJzdGFmZiI6dHJ1ZSwiZXZpbCI6ImFcclxuWC1BZG1pbjogMSJ9.HKvfgoOQPQeaz3MBmWW\
        z6cK7BRPto1ILtyPO59B0Ef-b068xKW731GUb-BfgJd--APivoLEr47jTp_kOX2q8ZeIWpjKJP8QN_byv_2Slk\
        oZOk4HzFSNQUA-S1MFCx_3lr-yQHJ3Tb3Zz0peDXSI5nGwKEA8CahoLEPgJOdDWXrD0-4UkUAtc9cLhK29PMK7\
        Py2CReN1FerY45ib7XktJrk5ueIW91N36Si_wLt4EL2b40ktpjix0skDODfowdjHNXRD9aSmnXJfmXdCaHnecC\
        uGGU-XlyASjZQ3XA343Co8g6PN95lLeJ-lPrn4-0lflTe2yJDUx0G-1XkmKjqBEVg
        the end as null|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lz\
        c3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOm51bGwsIm5iZiI6MT\
        gwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6\
        Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.F2dEz6x1lCkk41df_4IVhfBBzncmqmU\
        18HGSNsHx3h5VxytTP1Cc942EhWwmutyZFe63KXRi52mh2XeSoljvU64iktSX3vgbEgPmy7yOHHZ4SeXtW5h8p\
        0IYD1Qz4QCIcRvUuZxqbk0Rd7GbeAEEgMrgPQvjkgrBP3USALsA7g7NUUunded-P3OXsc-wV9AaiLYkABHevG-\
        6J0ss_qEU6WqPp6nd-PvYwQ4O9PxG49N3saJp_S8f-hUKyNXPZ0RH2Pm-kVVz_aA855Ox03PlIxP6QZ-TLQ6_U\
        aPrVs85prLJ8p81kkT_o5NLlfUND7HYaPm7-pNB8d5z6j_XxCpJOw
        an end beyond all numbers|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodH\
        RwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjFlKzMw\
        MCwibmJmIjoxODAwMDAwMDAwLCJzY29wZSI6InJlYWQgd3JpdGUiLCJyb2xlcyI6WyJhZG1pbiIsInN0YWZmIl\
        0sImxldmVsIjozLCJzdGFmZiI6dHJ1ZSwiZXZpbCI6ImFcclxuWC1BZG1pbjogMSJ9.Esihf3gcWhE02jnlDiP\
        h8MWy7UXwpRoNOjgeVhy-stNBXsmAbeGPanTyB9NEeMCJcaVruj_FMhW4ARve7q2gTHy9d-2KqxFUYHlVHjx0t\
        qyFLCY5iN4ZarqSdR2XtwUtnuEQselnR_HStmSacYflwzC-9uZGuP-lOBwEcM4sitdlS3hg5L55cktobkMRMKO\
        qHe9DSMODqnPi2d0mMJlQGgukZHCiVNp2lJpH-2U5pBCZjazqEyBsAte_medJHw9lnkxDNY0iRdwsOcyVeu4hP\
        oYMsXywboc8eTw38xzqYmglTp9img8P-rU8mkdEvtdB0mzmaOVmIsqCe-n4Q9NbjQ
        an end before all numbers|malformed|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodH\
        RwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOi0xZSsz\
        MDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZi\
        JdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.Sr8GX12WlIt6ThGfh\
        ouwqJKZxTwzL33T04EnlWHDqUYZ6qomp9kibJeD1YE0Q6Xa0lzG0986TwxihbEbL-CZ2TQYY_fKxhXxWvTFJDH\
        LGrhaiWJFAtQ7OrplGeRUp1dpQLyTfBBHZsOCswmiBDTaI-Y3bMwB-HMm1Q50dON3filAiiGU_6bwsilSW1SCU\
        wvIwu_Fbv-ew5KnPPOn_T7WsuSYXHQa0asHggcbVkFM1Y7PGNpEXchrY7rBC2uR2DqbKgGdBE8M-GZU4S2ctP4\
        qoDFCaDaxs_KgWj0bjMgoMYlw1ypQwcKffaQ-c7zfHf0-CN6-5k1-vKUAgo0ydZ_j6Q
        expired|expired|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leG\
        FtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjE4OTk5OTk5NzAsIm5iZiI6MTgw\
        MDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6My\
        wic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.bk0F9Dj8p1uFYwZUQCsR3TS7IPBf5zBku\
        gRPKDJUvhPcliipCw6dZqbQNAYnhnav_r_oIKaAey34ZrW8QFdfpa9zupMBvZf-GL3FtBm66l3jmJsgpHH7RpG\
        b5zelIuUKg2tnoq_BGELmTSRzlt_C9JmJoB2go7C0tIU8iadvVF0BtdUHigjF9JFQtQ1FevD8oecKwy1hnEqDF\
        M8zbiz6NtS3CzOfl0XXA_o5QdEInuxZewh0gJYxc8rsA-4RDIr1apwBawFrtzEG7F6A5Bzn7cA5MWmHXJHq-Me\
        CmpqW-ikJZE38S5v5WJdpA8639Zq3Sz4JwuUZAePeK7Olx2le6Q
        not valid yet|early|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci\
        5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6\
        MTkwMDAwMDAzMSwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbC\
        I6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.cLI-Xaj87PtcFRPt1R0ZOk4n5o_I8\
        tnNaswdWb4jh6Ykb15i6_IIvFd36VWka96B5ZLsUFyzwn0OGLi4fjhRFYRp9ApMA1VlYHPJFwKcUpdJPxsCc_A\
        e2jm-Z0871055FEHhJDVvziKo3nlJCiLww657CRJs5iCxdegIirV5Uem3WIVnupBA9yFBCYbpVFvJSBvd_eRK3\
        W5o4UlRFCvZfBsp7VkXQ_pIoyZ5Z7pSPWd1GKyRgGJ9ikzhTTh7maC5zVs2eMcVJsDXPCgX5_qdKbpsuI_iQQu\
        YoXbJtMr69S8znaMNd9btW5gqH5dfessbauLl-PmrjBAHO28KIAVlBg
        another issuer|issuer|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vl\
        ci5leGFtcGxlLmV2aWwiLCJhdWQiOlsiYXBpIiwid2ViIl0sInN1YiI6ImFubiIsImV4cCI6MjAwMDAwMDAwMC\
        wibmJmIjoxODAwMDAwMDAwLCJzY29wZSI6InJlYWQgd3JpdGUiLCJyb2xlcyI6WyJhZG1pbiIsInN0YWZmIl0s\
        ImxldmVsIjozLCJzdGFmZiI6dHJ1ZSwiZXZpbCI6ImFcclxuWC1BZG1pbjogMSJ9.SVKOlOPCYIlRGitz4GnHY\
        4PmqvG52V8DtRSx2Sg1h0yZX1lXqc70deWTKI5c1116kOtpf4X2PV3OMWjhtvnTPFNEbeOGs5JYvcozUnz58tt\
        Ri0wpmzhh1PRtvDCUQojiZbZS4cTwGR1dJwAkyUlDkFViHfcZZsm1UK2JWBq164kg606v1EClUX1Ney8UicxlX\
        GhcIL29lgKhdKHSsxIxTqUnqL88WFYwcSyEdswTc0lE1iVlLFhK1NFSIwlN1T90DNFbnXesaUfDo6FaBI3CZPT\
        XgjxW5456jK3XL5b6akEoSV0C69vgJLiJVK_17DEBO44leFuy8MpB3DCXUjZgJw
        issuer as a list|issuer|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOlsiaHR0cHM6Ly9pc3\
        N1ZXIuZXhhbXBsZSJdLCJhdWQiOlsiYXBpIiwid2ViIl0sInN1YiI6ImFubiIsImV4cCI6MjAwMDAwMDAwMCwi\
        bmJmIjoxODAwMDAwMDAwLCJzY29wZSI6InJlYWQgd3JpdGUiLCJyb2xlcyI6WyJhZG1pbiIsInN0YWZmIl0sIm\
        xldmVsIjozLCJzdGFmZiI6dHJ1ZSwiZXZpbCI6ImFcclxuWC1BZG1pbjogMSJ9.VY_vIkFvvHOPDWzYzrSvj8n\
        JGH3v3NbWLbRxhSqjsxWAliULFT_Rv0EXOH36ueiQyids1ulVjPy00bhqIHHfrL1WEgjpQA02m_yjGZObrzrdh\
        WdDLMpZEln0-Vqy860A9OK7_FjA3P6op2txZmipTq5ElS9bDdXdNQ3ZLHMNl4zsGZTZCjyuikY-Mk009Wgrssg\
        6yEOzEAGPl--PZfpx2ra6Pd_MyWqlQ0HivlZ8AMAU_E0IZ_3yHJ3OKtlVpbh24LAkm17SpAhmn9en17UkMDDN4\
        HelkSWSoHBU4NjweJZpYbgJmRsjlDuFI_NGtrTVbKXZenx1BFFuTO9Hw6RZdQ
        no issuer|issuer|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJhdWQiOlsiYXBpIiwid2ViIl0sInN1Y\
        iI6ImFubiIsImV4cCI6MjAwMDAwMDAwMCwibmJmIjoxODAwMDAwMDAwLCJzY29wZSI6InJlYWQgd3JpdGUiLCJ\
        yb2xlcyI6WyJhZG1pbiIsInN0YWZmIl0sImxldmVsIjozLCJzdGFmZiI6dHJ1ZSwiZXZpbCI6ImFcclxuWC1BZ\
        G1pbjogMSJ9.m2x8QN3nZhp0ec9s6oB4cx6hNI4aXQfMtKhIRGvTby3whHcgVCsMk6WyzDWtwRmo-oSMlE0ylX\
        _MVeefd6RVBAveKeNo5afKm-192yDxCnYmzhb7Ak5w-o82K1JAh2jkDUj6LzwfX7jB-ZdatWYGqCfHuQx_7SqD\
        OhaMu9ITF0OdOzwaM8GDsHeqjG0F1Kahu7Jjj6yU4tvW0JCBw75eZ2gBAyUZZsx-p0uC0J-K-wi84YpE54SbFH\
        v8G-lNtRQFJIn-VwZp1n6knuiV5vLA40P_MdO60JPwF9C09ULNI7hf_Ed9F23tznftMi2UpDWVQ57QU9VjIOuY\
        Pryek02vnw
        another audience|audience|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lz\
        c3Vlci5leGFtcGxlIiwiYXVkIjoiYXBpMiIsInN1YiI6ImFubiIsImV4cCI6MjAwMDAwMDAwMCwibmJmIjoxOD\
        AwMDAwMDAwLCJzY29wZSI6InJlYWQgd3JpdGUiLCJyb2xlcyI6WyJhZG1pbiIsInN0YWZmIl0sImxldmVsIjoz\
        LCJzdGFmZiI6dHJ1ZSwiZXZpbCI6ImFcclxuWC1BZG1pbjogMSJ9.l_rGm-y0fW-IcZArMjbRDP8nJx1UWLXNG\
        PTcsGfv50oe8GgXiB0tLkyK4O0iH83vZUZtd71w1UFRya7M1jZLiwhuh8ImRZ-cdQhVC19rrdaVIG-TqdUbLlY\
        xNAUfQvfs3DmWPlruYynBg1iKVqK4uKxns4mM-dLsUrputVgzlLC4il7m_B3B8RImkN7gP7hZJFRZvJSKOLXY1\
        hFl1l-0meMWAZ5uvtuJ5rle4e2GGQ3hUPkwZXsG4_KJVRMpHQs5D_x4UKcxYgdXyl6ZWEbn_RCEaxry9ikopim\
        MXwjIdkuEJoiCj8B7tqBT_NsX6UHZu9CZH1jJSZA-pyP9FE3eMQ
        audience in parts|audience|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2l\
        zc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwIiwiaSJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZ\
        iI6MTgwMDAwMDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZ\
        lbCI6Mywic3RhZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.XabnkvW395evj9MOwvjVPnF9hR\
        OXeav62YUxGYiEJAjhGrLpYzMNKZy_x5IKBkqyfQbbS3_fFV6Jtl7_-ha-5Fig_S_n-lsZtjUunbi8eRUPDFXJ\
        g4senvVKkeT37hKDpxhLk5huDMX5Zmo_v74KTWtaf6FUNP1VtcqkKb056fO0MlJCrn9pFnoC_9a2FzGKh_yGER\
        IZ5c1QoeciVhH8tQa5kycwYGXvuGWAkvdLms34SMe8eLP6O7arXUCvo3s9LrkBn8CQAdjzlW8-PibU5QMN-bXO\
        O92FnY4ua4zJ40I5Vag2bCDSqP2xcIZ0D46Z92rXCGHsLrbFR2a5_FUfrw
        no audience|audience|eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlc\
        i5leGFtcGxlIiwic3ViIjoiYW5uIiwiZXhwIjoyMDAwMDAwMDAwLCJuYmYiOjE4MDAwMDAwMDAsInNjb3BlIjo\
        icmVhZCB3cml0ZSIsInJvbGVzIjpbImFkbWluIiwic3RhZmYiXSwibGV2ZWwiOjMsInN0YWZmIjp0cnVlLCJld\
        mlsIjoiYVxyXG5YLUFkbWluOiAxIn0.X6j0V47ZvARN7_uMrfGmGLXKjnvWw8pbdvduB7fMcBq2BHpVr7ZVrbd\
        iFMip_522bvN-hJJhjRGUSFIZrfd-l-UCylxX4-Ftei-f4mfah22m4kvphv6VQM-vumAjywG2QL34bKuethzr0\
        Y4XgbRWS-MGLXSGKAEDHzET9a8NcqzIM2XDd5Cfe3aPQ57Yu5BO8ckHvdzI8sXVb_-30hH896DbjwG8gxqvhKB\
        yaTMQao9tL43-HQNKyaEql1Bo7beSWRjfzDFJoRmUwFV4gME6ZUODZyjVjU1mXICFKSfLVS6jEmI7yGFb7DYWa\
        l-tEWAuVc6T2L655f91zv2uOxA6Vw
        """
}
