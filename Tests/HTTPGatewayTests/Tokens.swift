// SPDX-License-Identifier: Apache-2.0
@testable import HTTPGateway

/// Keys and tokens made by PyJWT 2 and the Python package `cryptography`, on throw-away keys whose
/// private halves are not kept.
///
/// Good tokens are valid from 1,800,000,000 to 2,000,000,000 seconds after 1970.
enum Tokens {
    static let set = #"""
        {"keys":[{"kty":"RSA","use":"enc","kid":"x1","n":"sDUpVkJUIw9RRUU5vTCcSTYc-PpceZtIwANM\#
        cEE43HBVZ0plvhi1exGv5gsvls0kpTBbKr-mBTHYOJVuUCBzWCpeB6YzxizSwPUlnW08kZGCdNX_VnKWONGrQT\#
        s0KeCcdpF6EKumpTMfhPU7474vqVbRJWazMZQ2P6yfROXDoNPf2jNXjKhN41yw7Qogc8egodoeP5jefHUmvpI1\#
        6I0GVxG4PsGRqtRyLpOYXxkVIsle77yVAbC9Kelc7fetaxRRruCq3_3VXgMaRGIqEcwfsUpwwoWFbuEDe-uBX5\#
        DYuFsZ_55dxo6Ydk4KYGeSvTJfBrOM94FWt7F3wEbL50Ag2w","e":"AQAB"},{"kty":"RSA","use":"sig"\#
        ,"kid":"r1","alg":"RS256","n":"sDUpVkJUIw9RRUU5vTCcSTYc-PpceZtIwANMcEE43HBVZ0plvhi1exG\#
        v5gsvls0kpTBbKr-mBTHYOJVuUCBzWCpeB6YzxizSwPUlnW08kZGCdNX_VnKWONGrQTs0KeCcdpF6EKumpTMfh\#
        PU7474vqVbRJWazMZQ2P6yfROXDoNPf2jNXjKhN41yw7Qogc8egodoeP5jefHUmvpI16I0GVxG4PsGRqtRyLpO\#
        YXxkVIsle77yVAbC9Kelc7fetaxRRruCq3_3VXgMaRGIqEcwfsUpwwoWFbuEDe-uBX5DYuFsZ_55dxo6Ydk4KY\#
        GeSvTJfBrOM94FWt7F3wEbL50Ag2w","e":"AQAB"},{"kty":"EC","crv":"P-256","kid":"e1","x":"g\#
        cSFRrrB6rhD3wzoNCd3O2OmxdjURMu9kY1moSfJFjw","y":"8agI5jFZD3ZbYTzFTpV1lEO45XTD6lg49Vp_f\#
        h_ztCQ"},{"kty":"OKP","crv":"Ed25519","kid":"d1","x":"pdSuwAzKCbD5Xj29_elxrXLF-syo57xJ\#
        F1PpqhKnMLc"},{"kty":"EC","crv":"secp256k1","kid":"k1","x":"MTExMTExMTExMTExMTExMTExMT\#
        ExMTExMTExMTExMTE","y":"MjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjI"},{"kty":"RSA","ki\#
        d":"p1","alg":"PS256","n":"sDUpVkJUIw9RRUU5vTCcSTYc-PpceZtIwANMcEE43HBVZ0plvhi1exGv5gs\#
        vls0kpTBbKr-mBTHYOJVuUCBzWCpeB6YzxizSwPUlnW08kZGCdNX_VnKWONGrQTs0KeCcdpF6EKumpTMfhPU74\#
        74vqVbRJWazMZQ2P6yfROXDoNPf2jNXjKhN41yw7Qogc8egodoeP5jefHUmvpI16I0GVxG4PsGRqtRyLpOYXxk\#
        VIsle77yVAbC9Kelc7fetaxRRruCq3_3VXgMaRGIqEcwfsUpwwoWFbuEDe-uBX5DYuFsZ_55dxo6Ydk4KYGeSv\#
        TJfBrOM94FWt7F3wEbL50Ag2w","e":"AQAB"}]}
        """#

    static let rs256 = """
        eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFt\
        cGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgwMDAw\
        MDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6Mywic3Rh\
        ZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.ZEmOqWdxGWtr2751c3moHZmNHfWjtvOTVvbHSunp4\
        IC_Q12IMnuLNGnV-73m90LFFxUuXjTnVqAm4E1EriGjxJ05jcKJrNkUcTgNNU-oeGKP-NY3ARss2_Pl0jMPES4kA\
        ddl3xF4nKmLbOT5EfLGwgaoWLYpakY4wOrHNq4s97VzfX_eDTGQe8WeUSU0uFKDYsmRu8ypUjssxh0AWhZSfQ3hy\
        bMF8fQTBDn7wkgwPAS86n_sKgy-z03-gYvLPRi7f41F7FcRi0RzKuSC7iWS-2SqpeRxCnum5dPT8eK_pw1dh0EzW\
        KbXr0ie0UX74HumDo8sMcifnlS2vT0pS0oZQw
        """

    static let es256 = """
        eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFt\
        cGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgwMDAw\
        MDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6Mywic3Rh\
        ZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.Fixbzar9SM-R-V-Jv4kImMC2Jrc8Hk26gLNsySPGb\
        L_66KBJp70BeiaoXbBD7PndlGHsHs01PfMaCBdjzpWGSA
        """

    static let eddsa = """
        eyJhbGciOiJFZERTQSIsImtpZCI6ImQxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFt\
        cGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgwMDAw\
        MDAwMCwic2NvcGUiOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6Mywic3Rh\
        ZmYiOnRydWUsImV2aWwiOiJhXHJcblgtQWRtaW46IDEifQ._gyRMdRTNQsxdCHlDgQUjss5PBXKKWqvHAp4sq7AW\
        dBpogyowPcY-dgKoI7HSFAT-7aG4zPMAUm5AbtBtitYDQ
        """

    static let nameless = """
        eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjp\
        bImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwic2NvcGU\
        iOiJyZWFkIHdyaXRlIiwicm9sZXMiOlsiYWRtaW4iLCJzdGFmZiJdLCJsZXZlbCI6Mywic3RhZmYiOnRydWUsImV\
        2aWwiOiJhXHJcblgtQWRtaW46IDEifQ.DtFB6ELxuOMUcQZkC41rxQE6U81nQIHSicN8BnR4-EN4nbRn2Lqp96Ko\
        TUTEFh0aletWJ17ZoehD0Zhm01XMm-gEefU8q7PDZqqg0gTit16_oKzyrJ8eKXP6qiCLjm2TO9FlqnGA-dRnJHCq\
        zTNeh2-7ns44sUmY50cycPUwjJL-A_TAQRNisBZtgwgWfTi2h08u-XPvOEYCmWQN_tjyomOmZ6BCEBh8lRDPonmk\
        9-mTvPq3_d-io2VUGfssJpAmtHewyf5cYZcLVCrcOAHNTcRHsDU85ErCcKd6cmsRWskmNFBbXTi2-Amc2hHHjNub\
        1_Mehgr_VbLFLkaOCpBT6A
        """

    static let endless = """
        eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpb\
        ImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJuYmYiOjE4MDAwMDAwMDAsInNjb3BlIjoicmVhZCB3cml0ZSIsInJv\
        bGVzIjpbImFkbWluIiwic3RhZmYiXSwibGV2ZWwiOjMsInN0YWZmIjp0cnVlLCJldmlsIjoiYVxyXG5YLUFkbWlu\
        OiAxIn0.bHOHPj9SLljE1-rA7hy8FjuOwXHdnEJlW-VY_EFVirvSqFPFWR2oo8w045A05lYARPRLY2RGAW1GCHsB\
        ZYFIozFbW1oBZwTxxpyGVN8zDPY9Fm2cHdTUFXFHLgqAL8OY9LuYBx2SWTXYgdc-ae0a_UPyxg3xHuynrcWqA454\
        rL-FjiII0djuXrSgkVe8iyeHvBdCiZG0yWZJKX6Xm7xGGb44sXZeDhgEPAylhDCqDoX73GmAlspYO1sof4tVulzA\
        YXuhUa4DuOFFX4179EkEEBIRic6E5sLrdiDm8YuwVVU4F_ugJYysHJLKK0ULNVw_w-OYwcbx4Q4IgDh5WNqKew
        """

    static let publicKey = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsDUpVkJUIw9RRUU5vTCc
        STYc+PpceZtIwANMcEE43HBVZ0plvhi1exGv5gsvls0kpTBbKr+mBTHYOJVuUCBz
        WCpeB6YzxizSwPUlnW08kZGCdNX/VnKWONGrQTs0KeCcdpF6EKumpTMfhPU7474v
        qVbRJWazMZQ2P6yfROXDoNPf2jNXjKhN41yw7Qogc8egodoeP5jefHUmvpI16I0G
        VxG4PsGRqtRyLpOYXxkVIsle77yVAbC9Kelc7fetaxRRruCq3/3VXgMaRGIqEcwf
        sUpwwoWFbuEDe+uBX5DYuFsZ/55dxo6Ydk4KYGeSvTJfBrOM94FWt7F3wEbL50Ag
        2wIDAQAB
        -----END PUBLIC KEY-----

        """

    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBAzCBq6ADAgECAgEHMAoGCCqGSM49BAMCMAwxCjAIBgNVBAMMAXQwHhcNMjUw
        MTAxMDAwMDAwWhcNNDUwMTAxMDAwMDAwWjAMMQowCAYDVQQDDAF0MFkwEwYHKoZI
        zj0CAQYIKoZIzj0DAQcDQgAEgcSFRrrB6rhD3wzoNCd3O2OmxdjURMu9kY1moSfJ
        FjzxqAjmMVkPdlthPMVOlXWUQ7jldMPqWDj1Wn9+H/O0JDAKBggqhkjOPQQDAgNH
        ADBEAiBzm24dARkuBqx+ovI1H1qsMbQGf/n7VGilm4FCqPGAnwIgFOWUQm0HIkGl
        4LnA9AIOD8AVFrg6Zp1xJeHOFt5nc54=
        -----END CERTIFICATE-----

        """

    static let shortRSA = """
        -----BEGIN PUBLIC KEY-----
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCbi+zxh9/ovnbCxVd2hooJJuYe
        88lwDLTLaXp5OisxRNSyG2kw4nAOfmRFC1q6zPYmY8jcR7GJ3urmYHR6lbRe7U1d
        HS1/TdS3oVY32/wcaEbNPor9ntFzAq1JGjkg0kVC+qufD+fioxeBLX+NcprY9GfE
        lehX6ONBFMGlVB0xcwIDAQAB
        -----END PUBLIC KEY-----

        """

    static let otherCurve = """
        -----BEGIN PUBLIC KEY-----
        MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEd5s/fs34lZPCwKFu58z+qSA17wbTQhCe
        PLuOwdA6wKZgbYu7XQTEyQ2lncgAZyHKH0VsEmQRsnXy+CFJ62oR97qode8TVS9y
        9Sk6KYyY6FweZDexpYILOL5KI0tfAD0W
        -----END PUBLIC KEY-----

        """

    // Only its label counts: what is in it is no key.
    static let privateKey = """
        -----BEGIN PRIVATE KEY-----
        AAAA
        -----END PRIVATE KEY-----

        """
}
